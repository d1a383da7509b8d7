package trial_test

import (
	"strings"
	"testing"

	"sluice/internal/bus/natsconf"
	"sluice/internal/trial"
)

// roles has a step of every sort: a source, relays, gates, ordered steps with a state, a large
// value, dead letters and sinks.
const roles = `
recipe: roles
nodes:
  lines:  {kind: file_reader, config: {path: in}}
  upper:  {kind: to_uppercase, from: {node: lines, capacity: 1000, overflow: drop_oldest}}
  once:   {kind: dedupe, from: upper}
  out:    {kind: file_writer, from: once, config: {path: out}}
  number: {kind: parse_int, from: lines}
  sum:    {kind: rolling_sum, from: number, config: {values_to_keep: 2}}
  sums:   {kind: to_string, from: sum}
  summed: {kind: file_writer, from: sums, config: {path: sums}}
  any:    {kind: printer, from: lines, config: {order: arrival}}
`

// TestGeneratedCredentials runs a job of all sorts of steps with the seeds that Setup has written,
// on a server that it has configured.
func TestGeneratedCredentials(t *testing.T) {
	dir := t.TempDir()
	if _, err := natsconf.Setup(dir, natsconf.Change{Projects: []string{"trial", "other"}, Limits: natsconf.Limits{Store: 1 << 30, Memory: 16 << 20, Streams: 100, Consumers: 1000}}); err != nil {
		t.Fatal(err)
	}
	trial.Each(t, trial.Config{Setup: dir}, func(t *testing.T, r *trial.Rig) {
		r.File("in", "1\n2\nx\n"+strings.Repeat("y", 700<<10)+"\n3\n1\n")
		res := r.Run(t, roles).Succeeded()
		res.Balanced()
		if got := r.Lines(t, "out"); len(got) != 5 || got[2] != "X" || len(got[3]) != 700<<10 {
			t.Errorf("got %d lines, want 1, 2, X, the large one and 3", len(got))
		}
		if got := len(res.DeadOf("number")); got != 2 {
			t.Errorf("got %d dead letters, want 2", got)
		}
		if got := r.Lines(t, "sums"); len(got) == 0 || got[len(got)-1] != "4" {
			t.Errorf("got sums %q, want the last to be 3+1", got)
		}
	})
}
