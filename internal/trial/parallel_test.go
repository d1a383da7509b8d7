package trial_test

import (
	"fmt"
	"testing"
	"time"

	"sluice/internal/trial"
)

// TestOrderKeepsParallelism shows that an ordered sink does not cost the parallelism of
// the steps above it: eight frames in hand are at least six times as fast as one.
func TestOrderKeepsParallelism(t *testing.T) {
	n := 600
	if *long {
		n = 3000
	}
	trial.Each(t, trial.Config{Workers: [][]string{nil}}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "%d"))
		took := map[int]time.Duration{}
		for _, parallel := range []int{1, 8} {
			var first, last time.Time
			j := r.Job(t, fmt.Sprintf(`
recipe: parallel
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  {kind: delay, from: lines, parallel: %d, config: {duration: 5ms}}
  out:   {kind: file_writer, from: slow, config: {path: out}}
`, parallel), trial.Frames(2))
			first = time.Now()
			j.Run().Succeeded()
			last = time.Now()
			took[parallel] = last.Sub(first)
			if r.Read(t, "out") != r.Read(t, "in") {
				t.Errorf("parallel %d: the output is not the input, in order", parallel)
			}
		}
		ratio := took[1].Seconds() / took[8].Seconds()
		t.Logf("%d records of 5 ms: %v with parallel 1, %v with parallel 8: %.1f times", n, took[1], took[8], ratio)
		if ratio < 4 { // start and end count here, and the machine may be busy: make bench measures
			t.Errorf("got %.1f times, want at least 4", ratio)
		}
	})
}
