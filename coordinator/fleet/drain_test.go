package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
	"sluice/recipe"
	"sluice/worker"
)

// odd gives a worker one slot and the kinds that misbehave.
func odd(c *worker.Config) { c.Catalogue, c.Concurrency = trial.Catalogue(), 1 }

// TestSlotsComeBack has nodes that panic, a record that is tried again after an hour, and a job
// that is stopped while it holds the only slot: afterwards another job runs, and none is in use.
func TestSlotsComeBack(t *testing.T) {
	y := newYard(t)
	y.write("in", "1\n2\n3\n4\n")
	y.hire("a", odd)
	y.event("a has joined")
	start := func(id recipe.JobID, text string, stop <-chan struct{}) <-chan recipe.Progress {
		p := plan(t, text, trial.Catalogue())
		done := make(chan recipe.Progress, 1)
		go func() {
			end, err := job.Run(bustest.Context(t), job.Config{Conn: y.conn, Job: id, Plan: p}, job.Control{Stop: stop})
			if err != nil {
				t.Error(err)
			}
			done <- end
		}()
		return done
	}
	const over = `
recipe: odd
nodes:
  lines: {kind: file_reader, config: {path: in}}
  odd:   {%s, from: lines}
  out:   {kind: file_writer, from: odd, config: {path: out%s}}
`
	stop := make(chan struct{})
	held := start("held", fmt.Sprintf(over, "kind: toil, config: {each: 1h}", "1"), stop)
	y.eventually("the slot is taken", func() bool { w, err := y.Worker("a"); return err == nil && w.Busy == 1 })
	waits := start("waits", fmt.Sprintf(over, "kind: to_uppercase", "2"), nil)
	y.eventually("another job waits for it", func() bool { w, err := y.Worker("a"); return err == nil && w.Jobs == 2 })
	close(stop)
	if end := bustest.Wait(t, "the stopped job", held); end.State != recipe.JobStopped {
		t.Errorf("got %+v", end)
	}
	if end := bustest.Wait(t, "the job that waited", waits); end.State != recipe.JobSucceeded {
		t.Errorf("got %+v", end)
	}
	y.write("in", "after 1 1h\n")
	rest := make(chan struct{})
	again := start("again", fmt.Sprintf(over, "kind: moody", "3"), rest)
	y.eventually("a record waits for its next attempt, and no slot is in use", func() bool {
		w, err := y.Worker("a")
		fold, _ := y.conn.StreamState(bustest.Context(t), bus.Names{Job: "again"}.Ledger())
		return err == nil && w.Busy == 0 && w.Jobs == 1 && fold.Msgs+fold.Last > 0
	})
	y.write("in", "ok\npanic\n")
	panics := start("panics", fmt.Sprintf(over, "kind: moody", "4"), nil)
	if end := bustest.Wait(t, "the job that panics", panics); end.State != recipe.JobSucceeded || end.Steps[1].Dead != 1 {
		t.Errorf("got %+v", end)
	}
	close(rest)
	if end := bustest.Wait(t, "the job that waited", again); end.State != recipe.JobStopped {
		t.Errorf("got %+v", end)
	}
	y.eventually("no slot is in use", func() bool { w, err := y.Worker("a"); return err == nil && w.Busy == 0 && w.Jobs == 0 })
}

// TestDrain ends a worker while a node holds out that hears of nothing: it says first that it
// drains, is served around, and has left within the stated time.
func TestDrain(t *testing.T) {
	y := newYard(t)
	y.write("in", "1\n")
	a := y.hire("a", odd)
	y.event("a has joined")
	p := plan(t, `
recipe: deaf
nodes:
  lines: {kind: file_reader, config: {path: in}}
  deaf:  {kind: held, from: lines, config: {path: go, deaf: true}}
  out:   {kind: file_writer, from: deaf, config: {path: out}}
`, trial.Catalogue())
	stop, done := make(chan struct{}), make(chan recipe.Progress, 1)
	go func() {
		end, err := job.Run(bustest.Context(t), job.Config{Conn: y.conn, Job: "deaf", Plan: p}, job.Control{Stop: stop})
		if err != nil {
			t.Error(err)
		}
		done <- end
	}()
	y.eventually("the node is at work", func() bool { return trial.Held.Load() > 0 })
	began := time.Now()
	left := make(chan struct{})
	go func() { a.leave(); close(left) }()
	e := y.event("worker a drains")
	if w, _ := e.Data.(coordinator.Worker); !w.Draining {
		t.Errorf("got %+v", e)
	}
	if got := y.Missing(p); got != "no worker is here now" {
		t.Errorf("got %q while the only worker drains", got)
	}
	bustest.Wait(t, "the worker", left)
	if took := time.Since(began); took > bustest.Within(worker.DrainWithin) {
		t.Errorf("it left after %v, want at most %v", took, worker.DrainWithin)
	}
	y.event("worker a has left")
	y.write("go", "")
	close(stop)
	<-done
}
