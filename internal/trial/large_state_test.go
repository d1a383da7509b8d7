package trial_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/trial"
	"sluice/worker"
)

// TestLargeStateSurvives lets dedupe remember more than fits a message, kills its reign
// several times, and compares with a count that remembers in memory. The long form has a
// state beyond the bound of one large value.
func TestLargeStateSurvives(t *testing.T) {
	count := "150000"
	if *long {
		count = "2500000"
	}
	var saves atomic.Int64
	r := trial.New(t, trial.OneProcess, trial.Config{Fail: func(p worker.Point, step int) bool {
		return p == worker.BeforeSave && step == 1 && saves.Add(1)%20 == 0
	}})
	j := r.Job(t, strings.ReplaceAll(`
recipe: large
nodes:
  n:    {kind: integer_generator, config: {count: COUNT, min: 0, max: 9000000000000000000}}
  once: {kind: dedupe, from: n, config: {max_keys: 10000000}}
  out:  {kind: file_writer, from: once, config: {path: out}}
  raw:  {kind: file_writer, from: n, config: {path: raw}}
`, "COUNT", count))
	if j.Plan.Steps[1].Node != "once" {
		t.Fatalf("step 1 is %s", j.Plan.Steps[1].Node)
	}
	j.Within = 5 * time.Minute
	began := time.Now()
	j.Run().Succeeded()
	t.Logf("%s records, %d saves, in %v", count, saves.Load(), time.Since(began))
	if saves.Load() < 20 {
		t.Errorf("got %d saves: no reign was killed", saves.Load())
	}
	seen := map[string]bool{}
	var want []string
	for _, line := range r.Lines(t, "raw") {
		if !seen[line] {
			seen[line], want = true, append(want, line)
		}
	}
	got := r.Lines(t, "out")
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("line %d: got %s, want %s", i, got[i], want[i])
		}
	}
}
