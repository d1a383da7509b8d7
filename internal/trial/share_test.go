package trial_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/figures"
	"sluice/internal/trial"
	"sluice/recipe"
)

// looks keeps what a publisher saw of its readers and what became of its window, from
// the worker's log.
type looks struct {
	hclog.SinkAdapter
	node string

	mu          sync.Mutex
	full        int // readers at capacity at the last look
	first, last int // window, in frames
	least       int
	shut        chan struct{} // closed when the window is one frame
}

func newLooks(node string) *looks { return &looks{node: node, shut: make(chan struct{})} }

// Accept implements hclog.SinkAdapter.
func (l *looks) Accept(_ string, _ hclog.Level, msg string, args ...any) {
	if msg != "readers looked at" {
		return
	}
	said := map[any]any{}
	for i := 0; i+1 < len(args); i += 2 {
		said[args[i]] = args[i+1]
	}
	if said["step"] != l.node {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full, l.last = said["full"].(int), said["window"].(int)
	if l.first == 0 {
		l.first, l.least = l.last, l.last
	}
	if l.last == 1 && l.least > 1 {
		close(l.shut)
	}
	l.least = min(l.least, l.last)
}

// fullNow returns how many readers were full at the last look.
func (l *looks) fullNow() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full
}

func (l *looks) logger() hclog.Logger {
	log := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Debug, Output: nowhere{}})
	log.RegisterSink(l)
	return log
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// fanOut is a publisher with readers of which some are held; the others set a pace that
// leaves time to look at them.
func fanOut(publisher string, readers, full int) string {
	var b strings.Builder
	b.WriteString("recipe: share\nnodes:\n  lines: {kind: file_reader, config: {path: in}}\n")
	if publisher == "text" {
		b.WriteString("  text: {kind: to_uppercase, from: lines}\n")
	}
	for i := range readers {
		if i < full {
			// Nobody reads it: the source would wait for an ordered sink below it.
			fmt.Fprintf(&b, "  r%d: {kind: held, from: {node: %s, overflow: drop_oldest, capacity: 2}, config: {path: go}}\n", i, publisher)
			continue
		}
		fmt.Fprintf(&b, "  r%d: {kind: delay, parallel: 1, from: {node: %s, capacity: 4}, config: {duration: 1ms}}\n", i, publisher)
		fmt.Fprintf(&b, "  out%d: {kind: file_writer, from: r%d, config: {path: out%d}}\n", i, i, i)
	}
	return b.String()
}

// TestB3HalfFull is row B3, the 50 % rule on a real broker: where at least half of a publisher's
// readers, or the share that the worker was told, are at capacity on edges that drop, its
// window is halved down to one frame; below that it stays as it is. Held readers are at
// capacity for as long as the test wants.
func TestB3HalfFull(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		readers, full int
		share         float64
		halved        bool
	}{
		{3, 1, 0, false}, {4, 2, 0, true}, {4, 2, 0.75, false}, {4, 3, 0.75, true}, {3, 1, 0.3, true},
	} {
		for _, publisher := range []string{"lines", "text"} {
			t.Run(fmt.Sprintf("%d of %d of %s, share %v", row.full, row.readers, publisher, row.share), func(t *testing.T) {
				t.Parallel()
				const n = 4000
				l := newLooks(publisher)
				r := trial.New(t, trial.OneProcess, trial.Config{Share: row.share, Log: l.logger()})
				r.File("in", lines(n, "%d"))
				j := r.Job(t, fanOut(publisher, row.readers, row.full), trial.Frames(10))
				j.Within = 2 * time.Minute
				passed := make(chan struct{}) // 50 frames while all held readers are full
				var last, through int64
				var once sync.Once
				j.Show = func(p recipe.Progress) {
					out := outOf(p, publisher)
					if l.fullNow() >= row.full {
						through += out - last
					}
					if last = out; through >= 500 {
						once.Do(func() { close(passed) })
					}
				}
				done := j.Start(nil)
				until := passed
				if row.halved {
					until = l.shut
				}
				select {
				case <-until:
				case res := <-done: // at its end or out of time
					t.Fatalf("%d records passed full readers, the window has %d frames, and the job is %s", through, l.last, res.State)
				}
				r.File("go", "")
				res := (<-done).Succeeded()
				figures.Note(t, "window %d frames at first, %d at least, %d at the end; %d records dropped", l.first, l.least, l.last, res.Lost())
				if !row.halved && l.least != l.first {
					t.Errorf("the window went down to %d of %d frames, below the share", l.least, l.first)
				}
				if row.halved && l.full == 0 && l.last <= 1 {
					t.Errorf("the window has %d frames at the end, want more: nobody is full any more", l.last)
				}
				if got := len(r.Lines(t, fmt.Sprintf("out%d", row.readers-1))); got != n {
					t.Errorf("a reader that blocks got %d records, want %d", got, n)
				}
			})
		}
	}
}

// outOf returns how many records a node has emitted.
func outOf(p recipe.Progress, node string) int64 {
	for _, s := range p.Steps {
		if s.Node == node {
			return s.Out
		}
	}
	return 0
}
