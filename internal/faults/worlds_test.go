//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/client"
	"sluice/internal/figures"
	"sluice/recipe"
)

// skew is how far the clocks of two halves of a cluster are apart.
const skew = "600"

// TestClockSkew runs every other coordinator and worker on a clock that is ten minutes ahead, and
// kills some of both sorts. The clock is that of the program: it is built with a time.Now
// that is wrong, since libraries that lie about the time are not asked by Go, and the system
// has one clock.
func TestClockSkew(t *testing.T) {
	if !*whole { // it takes minutes to build: all of the standard library anew
		t.Skip("the whole form alone: with -whole")
	}
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	now := edit{filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go"), "	sec, nsec, mono := runtimeNow()\n	if mono == 0 {",
		"	sec, nsec, mono := runtimeNow()\n	sec += " + skew + "\n	if mono == 0 {"}
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 2, build: build(t, "hasty", hasty...), other: build(t, "skewed", append([]edit{now}, hasty...)...)})
	if d := ahead(t, c.workers[1]) - ahead(t, c.workers[0]); d < 500*time.Second {
		t.Fatalf("the clocks are %v apart: nothing would be shown", d)
	}
	x := newTrouble(c, 7, 6*time.Second, 2*time.Second, scenes[0], scenes[1], scenes[2])
	var strikes []injector
	for range 5 {
		strikes = append(strikes, killWorker, killLeader)
	}
	x.run(t.Context(), strikes)
	x.note(t, strikes)
	figures.Note(t, "all of these with clocks that are %s s apart", skew)
}

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
// is started anew then, as it has to be; see docs/limits.md.
func TestDiskFull(t *testing.T) {
	if !someMinutes() {
		t.Skip("takes minutes: with -long, -whole or CI=true")
	}
	t.Parallel()
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
	times := 1
	if *whole {
		times = 10
	}
	for range times {
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
	figures.Note(t, "%-50s | %3d | R1; 0 lost, 0 doubled, 0 stuck", "full disk under the server", times)
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

// TestH3StopUnderLoad stops a job that runs at full speed, and lets it go on, several times:
// it rests within 2 s, and nothing is lost or doubled.
func TestH3StopUnderLoad(t *testing.T) {
	if !someMinutes() {
		t.Skip("takes minutes: with -long, -whole or CI=true")
	}
	t.Parallel()
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 3, folder: true, build: build(t, "hasty", hasty...)})
	var longest time.Duration
	stops := 0
	for round := 0; round < 3 || *whole && round < 10; round++ {
		var all []*running
		for _, s := range scenes[:3] {
			all = append(all, c.submit(t.Context(), s, 6*time.Second))
		}
		for i := range 3 {
			if !pass(t.Context(), time.Second) {
				t.Fatal(t.Context().Err())
			}
			took, err := c.stopped(t.Context(), all[i].id)
			if err != nil {
				t.Fatal(err)
			}
			longest, stops = max(longest, took), stops+1
		}
		for _, r := range all {
			for _, err := range c.judge(t.Context(), r) {
				t.Errorf("%s: %v", r.scene.name, err)
			}
		}
	}
	figures.Note(t, "%d stops of jobs under load, each gone on with; the longest took %v", stops, longest.Round(time.Millisecond))
	if longest > 2*time.Second {
		t.Errorf("a job took %v to stop, want at most 2 s", longest)
	}
}

// stopped stops a job, says how long that took, and lets it go on.
func (c *cluster) stopped(ctx context.Context, id recipe.JobID) (time.Duration, error) {
	began := time.Now()
	if _, err := c.apis[0].Order(ctx, id, client.Stop); err != nil {
		return 0, err
	}
	limit, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	for {
		j, err := c.apis[1].Job(limit, id)
		if err == nil && j.State.AtRest() {
			took := time.Since(began)
			if j.State != recipe.JobStopped {
				return took, fmt.Errorf("job %s is %s, and was stopped: %s", id, j.State, j.Reason)
			}
			_, err = c.apis[1].Order(ctx, id, client.Resume)
			return took, err
		}
		if !pass(limit, 20*time.Millisecond) {
			return 0, fmt.Errorf("job %s does not stop: %w", id, err)
		}
	}
}
