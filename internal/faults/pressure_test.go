//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/figures"
	"sluice/recipe"
)

const (
	fast     = 20_000          // records a second, of the source
	slowed   = 200             // of the sink, for heldFor
	heldFor  = 6 * time.Second // above the 1 s between two events of progress
	freeFor  = 5               // seconds that the source needs for the rest
	pressure = `
recipe: pressure
nodes:
  lines: {kind: file_reader, config: {path: pressure.txt}}
  pace:  {kind: throttle, from: lines, config: {rate: 20000}}
  text:  {kind: to_uppercase, from: pace}
  slow:  {kind: throttle, from: text, config: {rate: 200, for: 6s}}
  out:   {kind: file_writer, from: slow, config: {path: pressure.out}}
`
)

// held is what a cluster holds at a moment, in bytes.
type held struct {
	at           time.Time
	memory, disk uint64
}

// TestB2Recovery is rows B1 and B2 in a cluster: a source 100 times faster than its sink fills
// neither the memory of any process nor the server's disk, nothing is lost, and when the sink is
// free the source has 95 % of its own rate again.
func TestB2Recovery(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shape{servers: 1, coordinators: 1, workers: 2, folder: true, build: build(t, "sluice")})
	n := 16_384 + slowed*int(heldFor/time.Second) + fast*freeFor
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "LINE %d\n", i)
	}
	c.write("pressure.txt", text.String())
	var rate float64
	for try := range 3 { // a machine that does other things has no steady rates
		ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
		r := &rowTest{c, t, ctx}
		began := time.Now()
		id := r.submit(pressure)
		watched := make(chan []held, 1)
		watching, stop := context.WithCancel(ctx)
		go func() { watched <- c.watchHeld(watching) }()
		r.over(id)
		stop()
		all := <-watched
		if got, err := os.ReadFile(filepath.Join(c.root, "pressure.out")); err != nil || string(got) != text.String() {
			t.Fatalf("got %d bytes of %d, %v", len(got), text.Len(), err)
		}
		rate = max(rate, r.fastest(id, "pace", began.Add(heldFor)))
		first, second := most(all, began, began.Add(heldFor/2)), most(all, began.Add(heldFor/2), began.Add(heldFor))
		figures.Note(t, "in processes: source %d/s, sink %d/s for %v: memory of all at most %d and %d MB in the halves, disk %d and %d KB; source %.0f/s behind the release (try %d)",
			fast, slowed, heldFor, first.memory>>20, second.memory>>20, first.disk>>10, second.disk>>10, rate, try+1)
		if second.memory > first.memory*5/4+32<<20 || second.disk > first.disk*5/4+4<<20 {
			t.Errorf("not flat: at most %+v in the first half, and %+v in the second", first, second)
		}
		cancel()
		if rate >= 0.95*fast {
			return
		}
	}
	t.Errorf("got %.0f records a second from the source behind the release, want 95 %% of %d", rate, fast)
}

// watchHeld looks at what is held until ctx ends.
func (c *cluster) watchHeld(ctx context.Context) (all []held) {
	for pass(ctx, 100*time.Millisecond) {
		h := held{at: time.Now()}
		for _, p := range c.all() {
			h.memory += resident(p.cmd.Process.Pid)
		}
		_ = filepath.WalkDir(filepath.Join(c.dir, "nats-0"), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				if info, err := e.Info(); err == nil {
					h.disk += uint64(info.Size())
				}
			}
			return nil // files come and go
		})
		all = append(all, h)
	}
	return all
}

var vmRSS = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the memory of a process.
func resident(pid int) uint64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if m := vmRSS.FindSubmatch(b); m != nil {
		kb, _ := strconv.ParseUint(string(m[1]), 10, 64)
		return kb << 10
	}
	return 0
}

func most(all []held, from, to time.Time) (h held) {
	for _, one := range all {
		if one.at.After(from) && one.at.Before(to) {
			h.memory, h.disk = max(h.memory, one.memory), max(h.disk, one.disk)
		}
	}
	return h
}

// fastest is the best rate of a node between two events of progress, behind a moment.
func (r *rowTest) fastest(id recipe.JobID, node string, from time.Time) (best float64) {
	r.t.Helper()
	var last time.Time
	var had int64
	err := r.apis[0].Events(r.ctx, id, 0, false, func(e client.Event) error {
		if e.Type != coordinator.EventProgress {
			return nil
		}
		var p recipe.Progress
		if err := json.Unmarshal(e.Data, &p); err != nil {
			return err
		}
		for _, s := range p.Steps {
			if s.Node != node {
				continue
			}
			if !last.IsZero() && last.After(from) {
				best = max(best, float64(s.Out-had)/e.At.Sub(last).Seconds())
			}
			last, had = e.At, s.Out
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return best
}

var lookedAt = regexp.MustCompile(`readers looked at: job=(\S+) step=up full=(\d+) readers=4 window=(\d+)`)

// TestB3Half is row B3 in a cluster, whose operator has told one worker another share: with k of
// 4 readers full, a node's window is halved from that share on and not below.
func TestB3Half(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shape{servers: 1, coordinators: 1, workers: 0, folder: true, build: build(t, "sluice")})
	usual := c.join("--pool", "usual")
	patient := c.join("--pool", "patient", "--full-share", "0.75")
	var text strings.Builder
	for i := range rowLines {
		fmt.Fprintf(&text, "%06d %s\n", i, strings.Repeat("x", 4000))
	}
	c.write("wide.txt", text.String())
	for _, row := range []struct {
		worker *process
		pool   string
		full   int
		halved bool
	}{{usual, "usual", 1, false}, {usual, "usual", 2, true}, {patient, "patient", 2, false}, {patient, "patient", 3, true}} {
		ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
		r := &rowTest{c, t, ctx}
		id := r.submit(halfFull(row.pool, row.full))
		first, least, since := 0, 0, int64(-1) // how much the node had made when its readers were full
		for made := int64(0); least != 1 && (since < 0 || made < since+passing); {
			if !pass(ctx, 100*time.Millisecond) {
				t.Fatalf("%+v: %d records, %d when readers were full; %s", row, made, since, row.worker.tail(10))
			}
			j, err := r.job(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			made = stepsOf(&j)["up"].Out
			full := 0
			if first, least, full = row.worker.looks(t, id); full == row.full && since < 0 {
				since = made
			}
		}
		if halved := least < first; halved != row.halved {
			t.Errorf("%s worker, %d of 4 readers full: the window went from %d to %d frames", row.pool, row.full, first, least)
		}
		figures.Note(t, "%s worker, %d of 4 readers full: a window of %d frames at first and %d at least", row.pool, row.full, first, least)
		if _, err := c.apis[0].Order(ctx, id, client.Cancel); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}

// passing are records that go by full readers, many looks long.
const passing = 480

// looks reads from a worker's log what it saw of a job's node: its window at first and at least,
// in frames, and how many of its readers were full at the last change.
func (p *process) looks(t *testing.T, id recipe.JobID) (first, least, full int) {
	t.Helper()
	b, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range lookedAt.FindAllStringSubmatch(string(b), -1) {
		if m[1] != string(id) {
			continue
		}
		window, _ := strconv.Atoi(m[3])
		full, _ = strconv.Atoi(m[2])
		if first == 0 {
			first, least = window, window
		}
		least = min(least, window)
	}
	return first, least, full
}

// halfFull is a node with four readers, of which some take next to nothing; the others set a pace.
func halfFull(pool string, full int) string {
	b := "\nrecipe: half\ndefaults: {pool: " + pool + "}\nnodes:\n  lines: {kind: file_reader, config: {path: wide.txt}}\n  up: {kind: to_uppercase, from: lines}\n"
	for i := range 4 {
		if i < full {
			b += fmt.Sprintf("  r%d: {kind: delay, parallel: 1, from: {node: up, overflow: drop_oldest, capacity: 2}, config: {duration: 1m}}\n", i)
			continue
		}
		b += fmt.Sprintf("  r%d: {kind: delay, parallel: 1, from: {node: up, capacity: 4}, config: {duration: 3ms}}\n", i)
	}
	return b
}
