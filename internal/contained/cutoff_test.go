package contained

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/figures"
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
// go on through all of it, its files must be whole and in order, and nothing of it must stay when
// it is deleted.
func TestCutOff(t *testing.T) {
	e := newEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), wholeWait)
	defer cancel()
	s := newServers(t, ctx, e)
	_, api := s.coordinator(t, ctx)
	first := s.worker(t, ctx, "w1")
	s.worker(t, ctx, "w2")
	input, want := reference()
	j := &job{t: t, api: api, id: submit(t, ctx, api, input)}

	j.passes(ctx, j.passed(ctx)+step)
	back := s.cutLeader(t, ctx, j, first)
	s.join(t, ctx, back)
	t.Logf("%s is back at record %d", back, j.passed(ctx))
	s.killLeader(t, ctx, j)

	end := j.ends(ctx)
	compare(t, ctx, api, j.id, want)
	if err := api.Delete(ctx, j.id); err != nil {
		t.Errorf("delete the job: %v", err)
	}
	until(t, ctx, "nothing of the job is left", faultWait, func(ctx context.Context) (bool, error) {
		streams, err := s.left(ctx, j.id)
		if len(streams) > 0 {
			err = fmt.Errorf("%q are left", streams)
		}
		return err == nil, err
	})
	if !t.Failed() {
		for _, fault := range []string{"stream leader cut off from the network", "SIGKILL worker", "SIGKILL stream leader"} {
			figures.Note(t, "%-50s | %3d | 3 servers, 1 coordinator, 2 workers, in containers | %d records in %v; 0 lost, 0 doubled, 0 stuck",
				fault, 1, records, end.Ended.Sub(end.Started).Round(time.Second))
		}
	}
}

// cutLeader cuts the server off that leads the job's ledger, and kills a worker. It returns the
// server's name when another one leads and the job has gone on.
func (s *servers) cutLeader(t *testing.T, ctx context.Context, j *job, worker testcontainers.Container) string {
	t.Helper()
	ledger := bus.Names{Job: j.id}.Ledger()
	leader, err := s.leader(ctx, ledger)
	if err != nil {
		t.Fatal(err)
	}
	s.cut(t, ctx, leader)
	t.Logf("%s leads, and is cut off at record %d", leader, j.passed(ctx))
	s.e.kill(t, ctx, worker)
	until(t, ctx, "another server leads", faultWait, func(ctx context.Context) (bool, error) {
		next, err := s.leader(ctx, ledger)
		return next != "" && next != leader, err
	})
	j.passes(ctx, j.passed(ctx)+step)
	return leader
}

// killLeader kills the server that leads the job's ledger when all have all that is stored, and
// starts it again when the job has gone on.
func (s *servers) killLeader(t *testing.T, ctx context.Context, j *job) {
	t.Helper()
	first := stored{}
	until(t, ctx, "the servers have all that is stored", faultWait, func(ctx context.Context) (bool, error) { return s.whole(ctx, first) })
	leader, err := s.leader(ctx, bus.Names{Job: j.id}.Ledger())
	if err != nil {
		t.Fatal(err)
	}
	s.e.kill(t, ctx, s.nodes[leader])
	t.Logf("%s leads, and is killed at record %d", leader, j.passed(ctx))
	j.passes(ctx, j.passed(ctx)+step)
	if err := s.nodes[leader].Start(ctx); err != nil {
		t.Fatalf("start %s again: %v", leader, err)
	}
	t.Logf("%s is started again at record %d", leader, j.passed(ctx))
}

// ends waits until the job is over, and holds it to having lost nothing.
func (j *job) ends(ctx context.Context) coordinator.Job {
	j.t.Helper()
	var end coordinator.Job
	until(j.t, ctx, "the job is over", wholeWait, func(ctx context.Context) (ok bool, err error) {
		end, err = j.api.Job(ctx, j.id)
		return err == nil && end.State.Final(), err
	})
	if end.State != recipe.JobSucceeded {
		j.t.Fatalf("the job %s: %s", end.State, end.Reason)
	}
	for _, p := range end.Progress.Steps {
		if p.Dead+p.Dropped+p.Expired+p.Skipped != 0 {
			j.t.Errorf("step %s has lost records: %+v", p.Node, p)
		}
	}
	return end
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
