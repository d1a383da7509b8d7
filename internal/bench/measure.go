package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// usage is what a process took from its start to its end.
type usage struct {
	CPU  time.Duration // user and system
	Wall time.Duration
	RSS  int64 // peak, bytes
	Disk int64 // peak of the folder that was watched, bytes
}

// perRecord returns the CPU time in µs for each of n.
func (u usage) perRecord(n int) float64 { return micros(u.CPU) / float64(max(n, 1)) }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// process runs a command to its end. watch is a folder whose size is looked at
// meanwhile, "" for none.
func process(watch string, cmd *exec.Cmd) (usage, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stop := make(chan struct{})
	size := watchSize(watch, stop)
	start := time.Now()
	err := cmd.Run()
	u := usage{Wall: time.Since(start)}
	close(stop)
	u.Disk = <-size
	if err != nil {
		return u, fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, stderr.Bytes())
	}
	u.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.RSS = int64(r.Maxrss) << 10
	}
	return u, nil
}

// watchSize looks at a folder five times a second and tells the largest size at the end.
func watchSize(dir string, stop <-chan struct{}) <-chan int64 {
	answer := make(chan int64, 1)
	var most atomic.Int64
	if dir == "" {
		answer <- 0
		return answer
	}
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				answer <- most.Load()
				return
			case <-tick.C:
				most.Store(max(most.Load(), folderSize(dir)))
			}
		}
	}()
	return answer
}

// folderSize adds up the files below dir; those that vanish meanwhile count nothing.
func folderSize(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// build builds the product.
func (b *bench) build() error {
	out, err := exec.Command("go", "build", "-o", b.sluice, "./cmd/sluice").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build sluice: %w\n%s", err, out)
	}
	return nil
}

// child runs a task of this program in a process of its own, and decodes its answer.
func (b *bench) child(t task, answer any) (usage, error) {
	arg, err := json.Marshal(t)
	if err != nil {
		return usage{}, err
	}
	cmd := exec.Command(b.self, childFlag, string(arg))
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	u, err := process(t.Store, cmd)
	if err == nil && answer != nil {
		err = json.Unmarshal(stdout.Bytes(), answer)
	}
	return u, err
}

// job runs a recipe as a user would: by the binary, with its data in a folder. With
// -profile it runs in a process of this program, which does the same.
func (b *bench) job(recipe, profile string) (usage, error) {
	store, err := os.MkdirTemp(b.dir, "store-")
	if err != nil {
		return usage{}, err
	}
	defer os.RemoveAll(store)
	file := filepath.Join(b.dir, "recipe.yaml")
	if err := os.WriteFile(file, []byte(recipe), 0o644); err != nil {
		return usage{}, err
	}
	if p := b.profileOf(profile); p != "" {
		return b.child(task{Do: doJob, Recipe: file, Dir: b.dir, Store: store, Profile: p}, nil)
	}
	cmd := exec.Command(b.sluice, "run", "recipe.yaml", "--quiet", "--data-dir", store)
	cmd.Dir = b.dir
	return process(store, cmd)
}

// profileOf is where profiles of that name go, "" for nowhere.
func (b *bench) profileOf(name string) string {
	if b.profile == "" || name == "" {
		return ""
	}
	return filepath.Join(b.profile, name)
}

// median returns the middle one.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	switch n := len(s); {
	case n == 0:
		return 0
	case n%2 == 0:
		return (s[n/2-1] + s[n/2]) / 2
	default:
		return s[n/2]
	}
}

// runs are the measurements of one thing.
type runs []usage

func (r runs) cpu() float64 { return r.median(func(u usage) float64 { return micros(u.CPU) }) }
func (r runs) wall() float64 {
	return r.median(func(u usage) float64 { return micros(u.Wall) })
}

func (r runs) median(f func(usage) float64) float64 {
	v := make([]float64, len(r))
	for i := range r {
		v[i] = f(r[i])
	}
	return median(v)
}

// peak returns the largest of all runs: a bound must hold in each.
func (r runs) peak(f func(usage) int64) int64 {
	var most int64
	for i := range r {
		most = max(most, f(r[i]))
	}
	return most
}

func (r runs) rss() int64  { return r.peak(func(u usage) int64 { return u.RSS }) }
func (r runs) disk() int64 { return r.peak(func(u usage) int64 { return u.Disk }) }
