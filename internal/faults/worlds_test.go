//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// skew is how far the clocks of two halves of a cluster are apart.
const skew = "600"

// aging has an edge whose records expire after a time that is longer than they ever wait, and shorter
// than the clocks are apart.
var aging = &scene{name: "aging", pace: "1us", slow: wait, recipe: `
recipe: aging
params:
  file: {type: string}
  out: {type: string}
  pace: {type: string}
nodes:
  lines: {kind: file_reader, config: {path: "${file}"}}
  pace:  {kind: delay, from: {node: lines, ttl: 8m}, parallel: 4, config: {duration: "${pace}"}}
  out:   {kind: file_writer, from: pace, config: {path: "${out}"}}
`}

// TestClockSkew runs every other coordinator and worker on a clock that is ten minutes ahead,
// changes some of both sorts from one clock to the other, and kills some. The clock is that of the program: it is built with a time.Now
// that is wrong, since libraries that lie about the time are not asked by Go, and the system
// has one clock. No record of an edge with a ttl may be lost by it.
func TestClockSkew(t *testing.T) {
	if !*whole { // it takes minutes to build: all of the standard library anew
		t.Skip("the whole form alone: with -whole")
	}
	minutes(t, true)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	now := edit{filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go"), "	sec, nsec, mono := runtimeNow()\n	if mono == 0 {",
		"	sec, nsec, mono := runtimeNow()\n	sec += " + skew + "\n	if mono == 0 {"}
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 2, label: "R1, two clocks", build: build(t, "hasty", hasty...), other: build(t, "skewed", append([]edit{now}, hasty...)...)})
	if d := ahead(t, c.workers[1]) - ahead(t, c.workers[0]); d < 500*time.Second {
		t.Fatalf("the clocks are %v apart: nothing would be shown", d)
	}
	x := newTrouble(c, 7, 6*time.Second, 2*time.Second, scenes[0], scenes[1], scenes[2], aging)
	var strikes []injector
	for i := range often(10) {
		strikes = append(strikes, otherClock)
		if i%3 == 0 {
			strikes = append(strikes, killWorker, killLeader)
		}
	}
	defer x.note(t, otherClock, killWorker, killLeader)
	x.run(t.Context(), strikes)
}

// otherClock changes the clock of a worker or coordinator between two breaths: it is killed and
// started as the other build.
var otherClock = injector{"clock of a worker or coordinator jumps by " + skew + " s", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
	p := any1(r, append(append([]*process(nil), c.workers...), c.coords...))
	p.kill()
	was := p.path
	if p.path = c.other; was == c.other {
		p.path = c.build
	}
	p.start(c.t)
	return nil, nil
}}

// ahead is how far a process's clock is ahead, by the last line of its log, or less.
func ahead(t *testing.T, p *process) time.Duration {
	t.Helper()
	stamp, _, _ := strings.Cut(p.tail(2), " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		t.Fatal(err)
	}
	return time.Until(at)
}

// TestDiskFull fills the disk under a server while jobs run, and makes room again. The server
// is started anew then, as it has to be; see docs/service.md.
func TestDiskFull(t *testing.T) {
	minutes(t, true)
	disk := t.TempDir()
	if err := syscall.Mount("faults", disk, "tmpfs", 0, "size=96m"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Skipf("a small disk can't be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	c := newCluster(t, shape{servers: 1, coordinators: 1, workers: 2, folder: true, store: filepath.Join(disk, "store"), build: build(t, "hasty", hasty...)})
	done := 0
	defer func() {
		what := good
		if t.Failed() {
			what = "WRONG"
		}
		table.add("full disk under the server", done, "R1, small disk", what)
	}()
	for ; done < often(10); done++ {
		one := c.submit(t.Context(), scenes[0], 8*time.Second)
		two := c.submit(t.Context(), scenes[1], 8*time.Second)
		if !pass(t.Context(), 3*time.Second) {
			t.Fatal(t.Context().Err())
		}
		ballast := filepath.Join(disk, "ballast")
		if err := fill(ballast); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
		full := pass(t.Context(), 4*time.Second)
		c.servers[0].kill()
		if err := os.Remove(ballast); err != nil || !full {
			t.Fatal(err, t.Context().Err())
		}
		c.servers[0].start(t)
		if err := c.healed(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		for _, r := range []*running{one, two} {
			for _, err := range c.judge(t.Context(), r) {
				t.Errorf("%s: %v", r.scene.name, err)
			}
		}
		if t.Failed() {
			t.Fatal(c.logs(30))
		}
		if err := c.remove(t.Context(), []*running{one, two}); err != nil {
			t.Fatal(err)
		}
	}
}

// fill writes until there is no room.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	for range 1 << 14 {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return fmt.Errorf("the disk has room for more than %d bytes", 1<<30)
}
