package trial_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/figures"
	"sluice/internal/trial"
)

// TestOrderKeepsParallelism shows that an ordered sink does not cost the parallelism of
// the steps above it: eight frames in hand are at least six times as fast as one, from the
// first record to the last. A machine that is busy gets more than one chance.
func TestOrderKeepsParallelism(t *testing.T) {
	clocked(t)
	const n = 600
	trial.Each(t, trial.Config{Workers: [][]string{nil}}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "%d"))
		chances(t, 6, func() error {
			one, eight := paced(t, r, 1), paced(t, r, 8)
			ratio := one.Seconds() / eight.Seconds()
			figures.Note(t, "%d records of 5 ms: %v with parallel 1, %v with parallel 8: %.1f times (want 6)", n, one.Round(time.Millisecond), eight.Round(time.Millisecond), ratio)
			if ratio < 6 {
				return fmt.Errorf("got %.1f times, want at least 6", ratio)
			}
			return nil
		})
	})
}

// paced runs the recipe and returns the time from the first record to the last, as seen
// behind the step that takes its time.
func paced(t *testing.T, r *trial.Rig, parallel int) time.Duration {
	t.Helper()
	seen := fmt.Sprintf("seen%d-%d", parallel, time.Now().UnixNano())
	r.Run(t, fmt.Sprintf(`
recipe: parallel
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  {kind: delay, from: lines, parallel: %d, config: {duration: 5ms}}
  seen:  {kind: witness, from: slow, config: {path: %s}}
  out:   {kind: file_writer, from: seen, config: {path: out}}
`, parallel, seen), trial.Frames(2)).Succeeded()
	if r.Read(t, "out") != r.Read(t, "in") {
		t.Errorf("parallel %d: the output is not the input, in order", parallel)
	}
	var first, last int64
	for _, l := range r.Lines(t, seen) {
		word, _, _ := strings.Cut(l, " ")
		at, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if first == 0 || at < first {
			first = at
		}
		last = max(last, at)
	}
	return time.Duration(last - first)
}

// chances is for what a busy machine can make slow: a bound on the clock counts as held
// when one of n tries holds it.
func chances(t *testing.T, n int, try func() error) {
	t.Helper()
	for i := 1; ; i++ {
		err := try()
		switch {
		case err == nil || t.Failed():
			return
		case i == n:
			t.Errorf("%v, in each of %d tries", err, n)
			return
		}
		t.Logf("try %d of %d: %v", i, n, err)
	}
}
