package trial_test

import (
	"fmt"
	"sync"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
	"sluice/recipe"
)

const holding = `
recipe: holding
nodes:
  lines: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: lines}
  held:  {kind: held, from: up, config: {path: go}}
  out:   {kind: file_writer, from: held, config: {path: out}}
`

// busy calls f when a node has taken or made 200 records, of those that the fold has counted.
func busy(node string, f func()) func(recipe.Progress) {
	return func(p recipe.Progress) {
		for _, s := range p.Steps {
			if s.Node == node && max(s.In, s.Out) >= 200 {
				f()
			}
		}
	}
}

// stopped runs a job until node has made some entries and the fold has counted them, and
// brings it to rest.
func stopped(t *testing.T, r *trial.Rig, j *trial.Job, node string) {
	t.Helper()
	stop, seen := make(chan struct{}), make(chan struct{})
	var once sync.Once
	j.Show = busy(node, func() { once.Do(func() { close(seen) }) })
	done := j.Start(stop)
	bustest.Wait(t, "progress", seen)
	close(stop)
	if res := bustest.Wait(t, "rest", done); res.State != recipe.JobStopped {
		t.Fatalf("got %s (%s), want stopped", res.State, res.Reason)
	}
	j.Show = nil
}

// TestH3StopAndResume is the test below without the theft: what rested goes on.
func TestH3StopAndResume(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(2000, "%d"))
		j := r.Job(t, holding, trial.Frames(10))
		stopped(t, r, j, "up")
		r.File("go", "")
		j.Run().Succeeded()
		if r.Read(t, "out") != r.Read(t, "in") {
			t.Error("the resumed job's output differs from its input")
		}
	})
}

// TestB6AlteredFrame is row B6: a frame that was altered in the broker is refused. With a
// damaged payload its records are counted as dead and everything else arrives; with a
// damaged header nobody can tell what it was, and the job fails and names the edge.
func TestB6AlteredFrame(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, part := range []string{"payload", "header"} {
			r.Clear()
			r.File("in", lines(2000, "%d"))
			j := r.Job(t, holding, trial.Frames(10))
			stopped(t, r, j, "up")
			r.Dismiss() // nobody may take the frame before it is altered
			edge := j.Plan.Edges[1]
			alter(t, r, j, &edge, part == "header")
			r.File("go", "")
			r.Hire()
			res := j.Run()
			if part == "header" {
				res.Failed("edge e2", "header")
				continue
			}
			res.Succeeded()
			if a := res.Account("held"); a.Damaged != 10 || res.Progress.Dead() != 10 || len(r.Lines(t, "out")) != 1990 {
				t.Errorf("got %+v, %d dead and %d lines", a, res.Progress.Dead(), len(r.Lines(t, "out")))
			}
		}
	})
}

// TestRemovedFrame removes a frame from an edge at rest. What is behind it goes on as far as
// it can, and then the job fails and names the edge, long before the watchdog's time is over.
func TestRemovedFrame(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(2000, "%d"))
		j := r.Job(t, holding, trial.Frames(10))
		stopped(t, r, j, "up")
		r.Dismiss()
		remove(t, r, j, &j.Plan.Edges[1])
		r.File("go", "")
		r.Hire()
		j.Run().Failed("edge e2 (up to held) does not balance", "stored nowhere")
	})
}

// alter takes the oldest frame with records off an edge and puts a changed one there.
func alter(t *testing.T, r *trial.Rig, j *trial.Job, e *recipe.Edge, header bool) {
	t.Helper()
	data := remove(t, r, j, e)
	if header {
		data[20] ^= 1
	} else {
		data[len(data)-1] ^= 1
	}
	pub, err := r.Conn.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	if out := pub.PutSync(bustest.Context(t), bus.Put{Subject: j.Names().Fill(e.Subject), Data: data}); out.Err != nil {
		t.Fatal(fmt.Errorf("put the altered frame: %w", out.Err))
	}
}

// remove deletes the oldest frame with records from an edge and returns it.
func remove(t *testing.T, r *trial.Rig, j *trial.Job, e *recipe.Edge) []byte {
	t.Helper()
	ctx := bustest.Context(t)
	stream, subject := j.Names().Fill(j.Plan.Streams[e.Stream].Name), j.Names().Fill(e.Subject)
	for seq := uint64(1); ; seq++ {
		m, err := r.Conn.Next(ctx, stream, subject, seq)
		if err != nil {
			t.Fatalf("no frame with records on %s: %v", subject, err)
		}
		seq = m.Seq
		if h, _, err := bus.DecodeFrame(m.Data); err != nil || h.Records == 0 {
			continue
		}
		if err := r.Conn.DeleteSeq(ctx, stream, seq); err != nil {
			t.Fatal(err)
		}
		return m.Data
	}
}
