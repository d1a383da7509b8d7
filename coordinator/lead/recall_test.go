package lead_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/job"
	"sluice/coordinator/lead"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestEndedBefore: of a job that ended under a leader which died before it wrote so, the end is told
// at once, whatever is missing now.
func TestEndedBefore(t *testing.T) {
	for name, row := range map[string]struct {
		most    int
		missing func(*recipe.Plan) string
	}{
		"no workers": {missing: func(p *recipe.Plan) string {
			if p.Recipe == "slow" {
				return ""
			}
			return "no worker is here now"
		}},
		"no place": {most: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.most = row.most
			c.worker()
			c.write("in", 5000)
			first := c.seat(nil)
			c.submit(first, "one", named("one", "0s"))
			c.until(first, "one", "is done", in(recipe.JobSucceeded))
			j, err := first.jobs.Job("one")
			if err != nil {
				t.Fatal(err)
			}
			slow := c.spec("slow", named("slow", "50ms"))
			slow.Priority = 5 // it is the first to get a place again
			if _, _, err := first.jobs.Submit(t.Context(), slow); err != nil {
				t.Fatal(err)
			}
			c.until(first, "slow", "runs", in(recipe.JobRunning))
			first.leave()
			status := coordinator.Status{State: recipe.JobRunning, Started: j.Started, Term: j.Status.Term}
			control, err := store.Open(t.Context(), store.Config{Conn: bustest.Connect(t, c.server)})
			if err != nil {
				t.Fatal(err)
			}
			defer control.Close()
			jobs := store.NewJobs(control)
			if err := control.Follow(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := jobs.WriteStatus(t.Context(), "one", status); err != nil {
				t.Fatal(err)
			}
			next := c.seat(row.missing)
			c.until(next, "one", "is known to be done", in(recipe.JobSucceeded))
		})
	}
}

// TestStopIsWritten: a job is said to be stopped when the workers are told so, though the leader's
// connection was cut in the middle.
func TestStopIsWritten(t *testing.T) {
	c := newCluster(t)
	server := bustest.ServerTCP(t)
	c.server = server
	direct, ctx := bustest.Connect(t, server), bustest.Context(t)
	if err := job.EnsureJobs(ctx, direct, 1); err != nil {
		t.Fatal(err)
	}
	c.worker()
	through, shut := bustest.Gate(t, server.URL())
	conn := bustest.Dial(t, through)
	control, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	jobs := store.NewJobs(control)
	var cut atomic.Bool
	jobs.Changed(func(id recipe.JobID) {
		if j, err := jobs.Job(id); err == nil && j.Want == coordinator.WantStop && cut.CompareAndSwap(false, true) {
			shut(true)
			time.AfterFunc(3*time.Second, func() { shut(false) })
		}
	})
	l := lead.New(lead.Config{Name: "c", Control: control, History: time.Hour},
		lead.Project{Name: "default", Conn: conn, Jobs: jobs, Events: emitter(make(chan coordinator.Event, 1000))})
	if err := control.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(run) }()
	t.Cleanup(func() { cancel(); <-done })
	s := &seat{jobs: jobs}
	c.write("in", 20000)
	c.submit(s, "one", fmt.Sprintf(upper, "5ms", "out"))
	c.until(s, "one", "runs", in(recipe.JobRunning))
	c.order(s, "one", coordinator.WantStop)
	c.until(s, "one", "is stopped", in(recipe.JobStopped))
	rec, err := job.Stored(ctx, direct, "one")
	if err != nil || rec.State != recipe.JobStopped || !cut.Load() {
		t.Errorf("the job is said to be stopped, and the workers were told that it is %v (%v)", rec, err)
	}
}
