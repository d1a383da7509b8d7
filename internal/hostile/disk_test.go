//go:build linux

package hostile

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// grow gives a disk more room.
func grow(t *testing.T, dir string, size int) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%dm", size)); err != nil {
		t.Fatal(err)
	}
}

// numbers writes n lines.
func numbers(t *testing.T, path string, n int) {
	fill(t, path, func(w io.Writer) error {
		for i := range n {
			// What can't be packed: the store packs what it can.
			if _, err := fmt.Fprintf(w, "line %07d %x\n", i, sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)})); err != nil {
				return err
			}
		}
		return nil
	})
}

// same compares two files without reading them whole.
func same(t *testing.T, got, want string) {
	t.Helper()
	f, err := os.Open(got)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	g, err := os.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; at += int64(len(a)) {
		n, errA := io.ReadFull(f, a)
		m, errB := io.ReadFull(g, b)
		if string(a[:n]) != string(b[:m]) {
			t.Errorf("%s differs from %s between byte %d and %d", got, want, at, at+int64(len(a)))
			return
		}
		if errA != nil || errB != nil {
			return
		}
	}
}

func TestFullDiskOfOutput(t *testing.T) {
	dir := t.TempDir()
	numbers(t, filepath.Join(dir, "in.txt"), 100_000)
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	mountAt(t, disk, 4)
	text := `
recipe: fill
nodes:
  lines: {kind: file_reader, config: {path: in.txt, split_bytes: 3000000}}
  out:   {kind: file_writer, from: lines, config: {path: disk/out.txt}}
`
	run(t, dir, text, want{code: 1, says: []string{"node out can't write", "disk/out.txt: the disk is full", "--data-dir data --resume"}}, "--data-dir", "data")
	run(t, dir, text, want{code: 1, says: []string{"disk/out.txt: the disk is full"}}, "--data-dir", "data", "--resume")
	grow(t, disk, 64)
	run(t, dir, text, want{}, "--data-dir", "data", "--resume")
	same(t, filepath.Join(disk, "out.txt"), filepath.Join(dir, "in.txt"))
}

// slowCopy keeps its frames waiting, so that the store grows.
const slowCopy = `
recipe: fill
params: {rate: {type: float, default: 20000}}
nodes:
  lines: {kind: file_reader, config: {path: in.txt, split_bytes: 3000000}}
  slow:  {kind: throttle, from: {node: lines, capacity: 1000}, config: {rate: "${rate}"}}
  out:   {kind: file_writer, from: slow, config: {path: out.txt}}
`

func TestFullDiskOfStore(t *testing.T) {
	t.Parallel()
	for name, ballast := range map[string]int{"small": 0, "filled": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			numbers(t, filepath.Join(dir, "in.txt"), 100_000)
			disk := filepath.Join(dir, "disk")
			if err := os.Mkdir(disk, 0o755); err != nil {
				t.Fatal(err)
			}
			mountAt(t, disk, 6+14*ballast)
			if ballast > 0 { // somebody else fills the disk while the job runs
				timer := time.AfterFunc(time.Second, func() {
					f, err := os.Create(filepath.Join(disk, "ballast"))
					if err == nil {
						defer f.Close()
						block := make([]byte, 64<<10)
						for err == nil {
							_, err = f.Write(block)
						}
					}
				})
				defer timer.Stop()
			}
			w := want{code: 1, says: []string{"the job's store can't be written: no space left on device", "--data-dir disk/data --resume"}}
			run(t, dir, slowCopy, w, "--data-dir", "disk/data")
			_ = os.Remove(filepath.Join(disk, "ballast"))
			grow(t, disk, 256)
			run(t, dir, slowCopy, want{}, "--data-dir", "disk/data", "--resume")
			same(t, filepath.Join(dir, "out.txt"), filepath.Join(dir, "in.txt"))
		})
	}
}

// mountAt mounts a file system of a few MiB on a folder.
func mountAt(t *testing.T, dir string, size int) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", size)); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Skipf("a full disk needs a small disk to be mounted, which is not permitted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
