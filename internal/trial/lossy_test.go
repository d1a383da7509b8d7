package trial_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
)

// TestDrops is row B4: a slow reader behind an edge that drops loses records and does not
// set the pace alone, and what is delivered and dropped is what was produced, by the
// ledger's fold. Two of the three readers keep up, so the 50 % rule does not strike.
func TestDrops(t *testing.T) {
	const n = 4_000
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, row := range []struct{ overflow, reader string }{
			{"drop_oldest, ttl: 1h", "kind: throttle, config: {rate: 200}"},
			{"drop_newest", "kind: throttle, config: {rate: 200}"},
			{"drop_oldest", "kind: delay, parallel: 1, config: {duration: 5ms}"},
			{"drop_newest", "kind: delay, parallel: 1, config: {duration: 5ms}"},
		} {
			begin := time.Now()
			res := r.Run(t, fmt.Sprintf(`
recipe: drops
nodes:
  n:    {kind: integer_generator, config: {count: %d, seed: 1}}
  slow: {%s, from: {node: n, overflow: %s, capacity: 4}}
  out:  {kind: file_writer, from: slow, config: {path: out}}
  all:  {kind: file_writer, from: n, config: {path: all}}
  more: {kind: file_writer, from: n, config: {path: more}}
`, n, row.reader, row.overflow), trial.Frames(10)).Succeeded()
			took := time.Since(begin)
			got, all := len(r.Lines(t, "out")), len(r.Lines(t, "all"))
			t.Logf("%s before %s: %d of %d arrived, %d dropped, in %v", row.overflow, row.reader, got, n, res.Lost(), took.Round(time.Millisecond))
			if int64(got)+res.Lost() != n || all != n {
				t.Errorf("got %d of %d, %d lost, and %d on the edge beside", got, n, res.Lost(), all)
			}
			if res.Lost() < n/8 || got == 0 || took > n/200*time.Second {
				t.Errorf("got %d dropped and %d delivered in %v", res.Lost(), got, took)
			}
		}
	})
}

const aging = `
recipe: aging
nodes:
  lines: {kind: file_reader, config: {path: in}}
  held:  {kind: held, from: {node: lines, ttl: 400ms, capacity: 16}, config: {path: go}}
  out:   {kind: file_writer, from: held, config: {path: out}}
`

// TestExpiry is row B5: what waits too long is discarded and counted, exactly, while no
// worker runs that could read the edge.
func TestExpiry(t *testing.T) {
	const n = 2000
	trial.Each(t, trial.Config{Workers: [][]string{{"file_reader"}}}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "%d"))
		r.File("go", "")
		j := r.Job(t, aging, trial.Frames(10))
		expired := make(chan struct{})
		var once sync.Once
		j.Show = func(p trialProgress) {
			if p.Lost() >= 100 {
				once.Do(func() { close(expired) })
			}
		}
		done := j.Start(nil)
		bustest.Wait(t, "expiry", expired)
		r.Hire([]string{"gate", "held", "file_*"})
		res := bustest.Wait(t, "the end", done).Succeeded()
		got := int64(len(r.Lines(t, "out")))
		gate := res.Account("held.in~gate")
		t.Logf("%d of %d delivered, %d expired", got, n, gate.Expired)
		if got+gate.Expired != n || gate.Expired == 0 || res.Lost() != gate.Expired {
			t.Errorf("got %d delivered, %d expired, %d lost, of %d", got, gate.Expired, res.Lost(), n)
		}
	})
}
