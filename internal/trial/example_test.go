package trial_test

import (
	"fmt"
	"testing"

	"sluice/internal/figures"
	"sluice/internal/trial"
	"sluice/nodes/all"
)

// perJob is the number of examples that are one job: disconnected graphs of one recipe.
const perJob = 15

// TestExamples runs every example of every kind as a real job: with frames of 1, 3 and 256
// records, and where the workers are processes with frames of 3 unless it is the long form.
func TestExamples(t *testing.T) {
	t.Parallel()
	var together, alone []trial.Sample
	for _, s := range trial.Samples(all.Catalogue()) {
		if s.Kind.Category == "net" { // a rig gives no network; the kind's own tests serve it one
			continue
		}
		if s.Alone() {
			alone = append(alone, s)
		} else {
			together = append(together, s)
		}
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		frames := []int{1, 3, 256}
		if r.Mode == trial.Processes && !*long {
			frames = frames[1:2]
		}
		for _, frame := range frames {
			t.Run(fmt.Sprintf("frames of %d", frame), func(t *testing.T) {
				for some := range chunks(together, perJob) {
					runSamples(t, r, some, frame)
				}
				for _, s := range alone {
					r.Clear()
					for name, content := range s.Files {
						r.File(name, content)
					}
					r.Stdin.Set(s.Stdin)
					runSamples(t, r, []trial.Sample{s}, frame)
					s.CheckAlone(t, r)
				}
			})
		}
		figures.Note(t, "%d examples in jobs of %d, and %d alone, with frames of %v records", len(together), perJob, len(alone), frames)
	})
}

func runSamples(t *testing.T, r *trial.Rig, samples []trial.Sample, frame int) {
	t.Helper()
	text, err := trial.Recipe(samples)
	if err != nil {
		t.Fatal(err)
	}
	res := r.Run(t, text, trial.Frames(frame)).Succeeded()
	for i := range samples {
		samples[i].Check(t, r, res)
	}
}

func chunks[T any](all []T, n int) func(func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(all) > 0 {
			k := min(n, len(all))
			if !yield(all[:k]) {
				return
			}
			all = all[k:]
		}
	}
}
