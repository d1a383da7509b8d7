package trial_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
	"sluice/recipe"
)

const summed = `
recipe: summed
nodes:
  lines: {kind: file_reader, config: {path: in}}
  pace:  {kind: delay, from: lines, config: {duration: 1ms}}
  n:     {kind: parse_int, from: pace}
  sum:   {kind: rolling_sum, from: n, config: {values_to_keep: 5}}
  out:   {kind: file_writer, from: sum, config: {path: out}}
`

// TestUnseen: frames that were handed out to the worker of an ordered step and never came to it, as
// when a server dies between the two, are asked for again. Here somebody else takes them.
func TestUnseen(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(1500, "%d"))
		r.Job(t, summed, trial.Frames(10)).Run().Succeeded()
		want := r.Read(t, "out")
		j := r.Job(t, strings.Replace(summed, "path: out", "path: out2", 1), trial.Frames(10))
		step := &j.Plan.Steps[slices.IndexFunc(j.Plan.Steps, func(s recipe.Step) bool { return s.Node == "sum" })]
		edge := j.Plan.Edge(step.In[0])
		stream := j.Names().Fill(j.Plan.Streams[edge.Stream].Name)
		done := j.Start(nil)
		var consumer string
		bustest.Eventually(t, "the consumer of the reign", func() bool {
			names, err := r.Conn.Consumers(t.Context(), stream)
			for _, n := range names {
				if err == nil && strings.HasPrefix(n, j.Names().Consumer(step.ID, edge.ID, 1, 1)) {
					consumer = n
				}
			}
			return consumer != ""
		})
		took := make(chan *bus.Message, 100)
		thief, err := r.Conn.NewPuller(stream, consumer, func(m *bus.Message) { took <- m }, func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		defer thief.Stop()
		thief.Want(3)
		bustest.Wait(t, "a frame that is taken", took)
		if res := bustest.Wait(t, "the job", done); res.State != recipe.JobSucceeded {
			t.Errorf("got %s (%s)", res.State, res.Reason)
		}
		if got := r.Read(t, "out2"); got != want {
			t.Errorf("the output has %d bytes, want %d, and those of before", len(got), len(want))
		}
	})
}
