package trial_test

import (
	"fmt"
	"testing"

	"sluice/internal/trial"
)

// TestDrops are the policies of full edges: what is delivered, dropped, expired and dead
// is what was produced, on every edge, exactly, by the ledger's fold.
func TestDrops(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, how := range []string{"drop_oldest", "drop_newest"} {
			const n = 20_000
			res := r.Run(t, fmt.Sprintf(`
recipe: drops
nodes:
  n:    {kind: integer_generator, config: {count: %d, seed: 1}}
  slow: {kind: delay, from: {node: n, overflow: %s, capacity: 4}, parallel: 1, config: {duration: 200us}}
  out:  {kind: file_writer, from: slow, config: {path: out}}
  all:  {kind: file_writer, from: n, config: {path: all}}
`, n, how), trial.Frames(10)).Succeeded()
			got, all := len(r.Lines(t, "out")), len(r.Lines(t, "all"))
			t.Logf("%s: %d of %d arrived, %d lost", how, got, n, res.Lost())
			if int64(got)+res.Lost() != n || all != n {
				t.Errorf("%s: got %d of %d, %d lost, and %d on the edge beside", how, got, n, res.Lost(), all)
			}
			if res.Lost() == 0 {
				t.Errorf("%s: nothing was dropped", how)
			}
		}
	})
}
