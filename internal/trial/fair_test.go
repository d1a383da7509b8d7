package trial_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/job"
	"sluice/internal/figures"
	"sluice/internal/trial"
	"sluice/worker"
)

// toilers starts jobs of endless work, a step of which takes its time with so many frames at
// once, and returns when all have something of it done.
func toilers(t *testing.T, r *trial.Rig, priorities, parallel []int) []*trial.Job {
	t.Helper()
	jobs := make([]*trial.Job, len(priorities))
	ends := make([]<-chan *trial.Result, len(priorities))
	cancel := make(chan struct{})
	for i, p := range priorities {
		jobs[i] = r.Job(t, fmt.Sprintf(`
recipe: toil
nodes:
  some: {kind: string_generator}
  slow: {kind: toil, from: some, config: {each: 1ms}, parallel: %d}
  out:  {kind: printer, from: slow}
`, parallel[i%len(parallel)]), trial.Frames(5))
		jobs[i].Priority = p
		jobs[i].Within = 4 * time.Minute
		end := make(chan *trial.Result, 1)
		ends[i] = end
		go func() { end <- jobs[i].Under(job.Control{Cancel: cancel}) }()
	}
	t.Cleanup(func() {
		close(cancel)
		for _, end := range ends {
			if res := <-end; res.State != "cancelled" {
				t.Errorf("got %s: %s", res.State, res.Reason)
			}
		}
	})
	over := timeout(200)
	for i := 0; i < len(jobs); {
		if trial.Toiled(string(jobs[i].ID)) > 0 {
			i++
			continue
		}
		select {
		case <-over:
			t.Fatalf("only %d of %d jobs work", i, len(jobs))
		case <-timeoutMillis(10):
		}
	}
	return jobs
}

func timeoutMillis(n int) <-chan time.Time { return time.After(time.Duration(n) * time.Millisecond) }

// shares measures what jobs do, until enough is done and holds of it, for a minute at most: a
// machine that is busy with other things makes single frames take long, which their jobs pay for
// until the others have had as much. It returns what each job did.
func shares(t *testing.T, jobs []*trial.Job, records int64, holds func(got []int64) bool) []int64 {
	t.Helper()
	began := make([]int64, len(jobs))
	for i, j := range jobs {
		began[i] = trial.Toiled(string(j.ID))
	}
	got := make([]int64, len(jobs))
	for over := timeout(60); ; {
		sum := int64(0)
		for i, j := range jobs {
			got[i] = trial.Toiled(string(j.ID)) - began[i]
			sum += got[i]
		}
		if sum >= records && holds(got) {
			return got
		}
		select {
		case <-over:
			return got
		case <-timeoutMillis(10):
		}
	}
}

func few(c *worker.Config) { c.Concurrency = 2 }

// TestEqualJobsShare has many jobs of equal work on one worker with two slots: none gets more
// than twice what another gets while all have work, though every other one has eight times as
// many frames that wait.
func TestEqualJobsShare(t *testing.T) {
	jobs := 12
	if *long {
		jobs = 60
	}
	r := trial.New(t, trial.OneProcess, trial.Config{Tune: few})
	fair := func(got []int64) bool { return slices.Max(got) <= 2*slices.Min(got) }
	got := shares(t, toilers(t, r, make([]int, jobs), []int{4, 32}), int64(jobs)*100, fair)
	figures.Note(t, "%d equal jobs on 2 slots: the least got %d records, the most %d", jobs, slices.Min(got), slices.Max(got))
	if !fair(got) {
		t.Errorf("the jobs got %d", got)
	}
}

// TestOneSlot runs two jobs on one slot, with edges of one frame: who waits for a full edge does
// not keep the slot from who would empty it.
func TestOneSlot(t *testing.T) {
	r := trial.New(t, trial.OneProcess, trial.Config{Tune: func(c *worker.Config) { c.Concurrency = 1 }})
	r.File("in", lines(2000, "line %d"))
	ends := make(chan *trial.Result, 2)
	for i := range 2 {
		j := r.Job(t, fmt.Sprintf(`
recipe: narrow
defaults: {capacity: 1}
nodes:
  lines: {kind: file_reader, config: {path: in}}
  same:  {kind: regex_replace, from: lines, config: {regex: 'line', replacement: 'LINE'}}
  hash:  {kind: md5_hash, from: same}
  out:   {kind: file_writer, from: [hash, same], config: {path: out%d}}
`, i), trial.Frames(20))
		go func() { ends <- j.Run() }()
	}
	for range 2 {
		(<-ends).Succeeded()
	}
	for i := range 2 {
		if n := len(r.Lines(t, fmt.Sprintf("out%d", i))); n != 4000 {
			t.Errorf("got %d lines, want 4000", n)
		}
	}
}

// TestPriorityShares has jobs of two priorities, six steps apart: the higher gets four times as
// much, and the lower is not left without.
func TestPriorityShares(t *testing.T) {
	r := trial.New(t, trial.OneProcess, trial.Config{Tune: few})
	ratio := func(got []int64) float64 { return float64(got[1]+got[3]+got[5]) / float64(got[0]+got[2]+got[4]+1) }
	weighed := func(got []int64) bool { return ratio(got) > 3 && ratio(got) < 5.5 }
	got := shares(t, toilers(t, r, []int{0, 6, 0, 6, 0, 6}, []int{32, 4}), 4000, weighed)
	figures.Note(t, "priority 6 got %.1f times what 0 got", ratio(got))
	if !weighed(got) {
		t.Errorf("priority 6 got %.1f times what 0 got, want about 4", ratio(got))
	}
}

// TestManyJobsAreBounded has many active jobs on one worker, each with more frames waiting than
// it takes in hand, and holds what each costs the process against a bound. The server and the
// coordinator of each job are in it too.
func TestManyJobsAreBounded(t *testing.T) {
	jobs := 30
	if *long {
		jobs = 300
	}
	r := trial.New(t, trial.OneProcess, trial.Config{Tune: few})
	before, beforeMemory := runtime.NumGoroutine(), heap()
	toilers(t, r, make([]int, jobs), []int{4})
	goroutines, memory := runtime.NumGoroutine()-before, heap()-beforeMemory
	figures.Note(t, "%d active jobs: %d goroutines each, %d of them the worker's, and %d KiB of heap, with server and coordinator", jobs, goroutines/jobs,
		ofWorker()/jobs, memory/int64(jobs)>>10)
	if goroutines > 120*jobs {
		t.Errorf("got %d goroutines for %d jobs", goroutines, jobs)
	}
	if memory > int64(jobs)*4<<20 {
		t.Errorf("got %d MiB of heap for %d jobs", memory>>20, jobs)
	}
}

// ofWorker is the number of goroutines that run or were started by package worker.
func ofWorker() int {
	room := make([]byte, 256<<20)
	n := 0
	for _, stack := range strings.Split(string(room[:runtime.Stack(room, true)]), "\n\n") {
		if strings.Contains(stack, "sluice/worker.") {
			n++
		}
	}
	return n
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
