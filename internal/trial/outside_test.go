package trial_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/trial"
	"sluice/worker"
)

// TestOutsideAnswers kills a step that asks the outside world behind each commit, and in the
// midst of what it publishes: whoever goes on publishes the answers that were committed, not
// others, however large they are together, and their dead letter too.
func TestOutsideAnswers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ count, bytes int }{{3, 10}, {100, 30 << 10}, {60, 300 << 10}} {
		t.Run(fmt.Sprintf("%d of %d", row.count, row.bytes), func(t *testing.T) {
			var points, struck atomic.Int64
			fail := func(p worker.Point, step int) bool {
				if step != 1 || p != worker.AfterCommit && p != worker.AfterPublish {
					return false
				}
				n := points.Add(1)
				if n == 1 || n == 3 || n == 5 {
					struck.Add(1)
					return true
				}
				return false
			}
			r := trial.New(t, trial.OneProcess, trial.Config{AckWait: time.Second, Fail: fail})
			r.File("in", "a\nbad\nb\n")
			res := r.Run(t, fmt.Sprintf(`
recipe: outside
nodes:
  lines: {kind: file_reader, config: {path: in}}
  asks:  {kind: oracle, from: lines, config: {count: %d, bytes: %d}}
  one:   {kind: file_writer, from: asks, config: {path: one}}
  other: {kind: file_writer, from: asks, config: {path: other}}
`, row.count, row.bytes)).Succeeded()
			if struck.Load() != 3 {
				t.Fatalf("the step was killed %d times, want 3", struck.Load())
			}
			one := r.Read(t, "one")
			if one != r.Read(t, "other") || strings.Count(one, "\n") != 2*row.count {
				t.Errorf("two readers of the same answers got %d and %d bytes, and they differ", len(one), len(r.Read(t, "other")))
			}
			if len(res.Dead) != 1 || string(res.Dead[0].Record) != `"bad"` {
				t.Errorf("got %+v, want the letter of the bad record", res.Dead)
			}
		})
	}
}
