package trial_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/internal/figures"
	"sluice/internal/trial"
)

// TestRandomGraphs runs random graphs, some at a time: all end, and make what an
// evaluation in memory says. The long form runs 200 in each mode.
func TestRandomGraphs(t *testing.T) {
	t.Parallel()
	graphs := 40
	switch {
	case *long:
		graphs = 200
	case testing.Short():
		graphs = 10
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		begin := time.Now()
		graphs := graphs
		if r.Mode == trial.Processes && !*long {
			graphs /= 4
		}
		all := make([]*trial.Graph, graphs)
		jobs := make([]*trial.Job, graphs)
		for i := range all {
			all[i] = trial.Random(uint64(i))
			for name, content := range all[i].Files {
				r.File(name, content)
			}
			jobs[i] = r.Job(t, all[i].Recipe, trial.Frames(3+i%7))
			jobs[i].Within = 3 * time.Minute // eight at once, beside other tests
		}
		results := atOnce(jobs, 8)
		for i, g := range all {
			if res := results[i]; res.State != "succeeded" {
				t.Fatalf("seed %d: %s: %s\n%s", i, res.State, res.Reason, g.Recipe)
			}
			results[i].Balanced()
			for name, want := range g.Outs {
				got := r.Lines(t, name)
				if g.Merged[name] {
					want = slices.Sorted(slices.Values(want))
					slices.Sort(got)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d: %s has %d lines, want %d\n%s", i, name, len(got), len(want), g.Recipe)
				}
			}
		}
		figures.Note(t, "%d random graphs ended with what they must make, in %v", graphs, time.Since(begin).Round(time.Second))
	})
}

// atOnce runs jobs, so many at a time.
func atOnce(jobs []*trial.Job, n int) []*trial.Result {
	results := make([]*trial.Result, len(jobs))
	next := make(chan int)
	var runners sync.WaitGroup
	for range n {
		runners.Go(func() {
			for i := range next {
				results[i] = jobs[i].Run()
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	runners.Wait()
	return results
}
