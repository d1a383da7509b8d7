package contained

import (
	"context"
	"testing"
	"time"

	"sluice/client"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Bounds of the faults.
const (
	// faultWait bounds what the job takes to go on after a fault. Servers elect a leader within
	// about 10 s; a worker's steps are taken over when its lease has ended.
	faultWait = 90 * time.Second
	wholeWait = 8 * time.Minute
	// step is how many records the job must get on by before the next fault.
	step = 4_000
)

// TestCutOff has a job run while the NATS server that leads its ledger is cut off from all others,
// a worker is killed meanwhile, the server comes back and the next leader is killed. The job must
// go on through all of it, and its files must be whole and in order.
func TestCutOff(t *testing.T) {
	e := newEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), wholeWait)
	defer cancel()
	s := newServers(t, ctx, e)
	_, api := s.coordinator(t, ctx)
	first := s.worker(t, ctx, "w1")
	s.worker(t, ctx, "w2")
	input, want := reference()
	id := submit(t, ctx, api, input)
	ledger := bus.Names{Job: id}.Ledger()
	j := &job{t: t, api: api, id: id}

	j.passes(ctx, j.passed(ctx)+step)
	leader, err := s.leader(ctx, ledger)
	if err != nil {
		t.Fatal(err)
	}
	s.cut(t, ctx, leader)
	t.Logf("%s leads, and is cut off at record %d", leader, j.passed(ctx))
	e.kill(t, ctx, first)
	var next string
	until(t, ctx, "another server leads", faultWait, func(ctx context.Context) (bool, error) {
		next, err = s.leader(ctx, ledger)
		return next != "" && next != leader, err
	})
	j.passes(ctx, j.passed(ctx)+step)

	s.join(t, ctx, leader)
	t.Logf("%s is back at record %d", leader, j.passed(ctx))
	for _, stream := range []string{ledger, bus.Names{Job: id}.State(), bus.JobsStream} {
		until(t, ctx, "the servers have all of "+stream, faultWait, func(ctx context.Context) (bool, error) { return s.whole(ctx, stream) })
	}
	if next, err = s.leader(ctx, ledger); err != nil {
		t.Fatal(err)
	}
	e.kill(t, ctx, s.nodes[next])
	t.Logf("%s leads, and is killed at record %d", next, j.passed(ctx))
	j.passes(ctx, j.passed(ctx)+step)
	if err := s.nodes[next].Start(ctx); err != nil {
		t.Fatalf("start %s again: %v", next, err)
	}
	t.Logf("%s is started again at record %d", next, j.passed(ctx))

	until(t, ctx, "the job is over", wholeWait, func(ctx context.Context) (bool, error) {
		seen, err := api.Job(ctx, id)
		return err == nil && seen.State.Final(), err
	})
	end, err := api.Job(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if end.State != recipe.JobSucceeded {
		t.Fatalf("the job %s: %s", end.State, end.Reason)
	}
	for _, p := range end.Progress.Steps {
		if p.Dead+p.Dropped+p.Expired+p.Skipped != 0 {
			t.Errorf("step %s has lost records: %+v", p.Node, p)
		}
	}
	compare(t, ctx, api, id, want)
	t.Logf("%d records in %v", records, end.Ended.Sub(end.Started).Round(time.Second))
}

// job is one that is watched.
type job struct {
	t   *testing.T
	api *client.Client
	id  recipe.JobID
	max int64 // the most records that the sink had taken
}

// passed is how many records the sink has taken, as the coordinator knew it at its best: one that
// has just begun to lead may know less for a moment.
func (j *job) passed(ctx context.Context) (n int64) {
	until(j.t, ctx, "the coordinator answers", faultWait, func(ctx context.Context) (ok bool, err error) {
		n, err = j.look(ctx)
		return err == nil, err
	})
	return n
}

func (j *job) look(ctx context.Context) (n int64, err error) {
	seen, err := j.api.Job(ctx, j.id)
	if err != nil {
		return j.max, err
	}
	if seen.State.Final() {
		j.t.Fatalf("the job %s before its time: %s", seen.State, seen.Reason)
	}
	if seen.Progress == nil {
		return j.max, nil
	}
	for _, p := range seen.Progress.Steps {
		if p.Node == "sums" {
			j.max = max(j.max, p.In)
		}
	}
	return j.max, nil
}

// passes waits until the job has come so far.
func (j *job) passes(ctx context.Context, n int64) {
	j.t.Helper()
	until(j.t, ctx, "the job gets on", faultWait, func(ctx context.Context) (bool, error) {
		got, err := j.look(ctx)
		return got >= n, err
	})
}
