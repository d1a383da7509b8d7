//go:build linux

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"sluice/internal/figures"
)

// skew is how far the clocks of two halves of a cluster are apart.
const skew = "600"

// TestClockSkew runs every other coordinator and worker on a clock that is ten minutes ahead, and
// kills some of both sorts. The clock is that of the program: it is built with a time.Now
// that is wrong, since libraries that lie about the time are not asked by Go, and the system
// has one clock.
func TestClockSkew(t *testing.T) {
	if !someMinutes() {
		t.Skip("takes minutes: with -long, -whole or CI=true")
	}
	t.Parallel()
	now := edit{filepath.Join(runtime.GOROOT(), "src", "time", "time.go"), "	sec, nsec, mono := runtimeNow()\n	if mono == 0 {",
		"	sec, nsec, mono := runtimeNow()\n	sec += " + skew + "\n	if mono == 0 {"}
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 2, build: build(t, "hasty", hasty...), other: build(t, "skewed", append([]edit{now}, hasty...)...)})
	x := newTrouble(c, 7, 6*time.Second, 2*time.Second, scenes[0], scenes[1], scenes[2])
	n := 1
	if *whole {
		n = 5
	}
	var strikes []injector
	for range n {
		strikes = append(strikes, killWorker, killLeader)
	}
	x.run(t.Context(), strikes)
	x.note(t, strikes)
	figures.Note(t, "all of these with clocks that are %s s apart", skew)
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
