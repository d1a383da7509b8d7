package trial_test

import (
	"slices"
	"testing"

	"sluice/internal/trial"
)

// TestRandomGraphs runs random graphs: all end, and make what an evaluation in memory
// says.
func TestRandomGraphs(t *testing.T) {
	graphs := uint64(25)
	if *long {
		graphs = 200
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for seed := range graphs {
			r.Clear()
			g := trial.Random(seed)
			for name, content := range g.Files {
				r.File(name, content)
			}
			res := r.Run(t, g.Recipe, trial.Frames(3+int(seed%7)))
			if res.State != "succeeded" {
				t.Fatalf("seed %d: %s: %s\n%s", seed, res.State, res.Reason, g.Recipe)
			}
			res.Balanced()
			for name, want := range g.Outs {
				got := r.Lines(t, name)
				if g.Merged[name] {
					want = slices.Sorted(slices.Values(want))
					slices.Sort(got)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("seed %d: %s has %d lines, want %d\n%s", seed, name, len(got), len(want), g.Recipe)
				}
			}
		}
	})
}
