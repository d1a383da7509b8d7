package lead_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// full has the job rest for want of room, as a worker does, until the test or stop ends it.
func (c *cluster) full(id recipe.JobID) (stop func()) {
	conn := bustest.Connect(c.t, c.server)
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case <-tick.C:
				_ = conn.Send(bus.Names{Job: id}.Resting(), []byte(`"the disk is full"`))
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-done }
}

// busy has one job at work on so many lines, of 5 ms each, and returns what it must make of them.
func (c *cluster) busy(lines int) (s *seat, want string) {
	c.t.Helper()
	c.worker()
	s, want = c.seat(nil), c.write("in", lines)
	c.submit(s, "one", fmt.Sprintf(upper, "5ms", "out"))
	c.until(s, "one", "runs", in(recipe.JobRunning))
	return s, want
}

// TestNoRoom: a job without room says so, and is held back until it is asked for again or something
// else is due: it does not begin and rest without end.
func TestNoRoom(t *testing.T) {
	c := newCluster(t)
	s, want := c.busy(500)
	room := c.full("one")
	waits := func(j coordinator.Job) bool {
		return j.State == recipe.JobPending && strings.Contains(j.Waiting, "the disk is full")
	}
	c.until(s, "one", "waits for room", waits)
	told, calm := 0, time.After(7*time.Second) // all jobs are looked at every 5 s
	for quiet := false; !quiet; {
		select {
		case e := <-s.events:
			if e.Type == coordinator.EventState {
				told++
			}
		case <-calm:
			quiet = true
		}
	}
	if told > 8 { // it runs and waits; a leader that loses its lease on a slow machine begins once more
		t.Errorf("%d events told of its state, want that it runs and waits", told)
	}
	c.order(s, "one", coordinator.WantStop)
	c.until(s, "one", "is stopped", in(recipe.JobStopped))
	c.order(s, "one", coordinator.WantRun)
	c.until(s, "one", "waits again", waits)
	room()
	if _, err := s.jobs.Order(bustest.Context(t), "one", coordinator.Order{Want: coordinator.WantRun, At: time.Now()}, 0); err != nil {
		t.Fatal(err)
	}
	c.until(s, "one", "has succeeded", in(recipe.JobSucceeded))
	if c.read("out") != want {
		t.Error("the output is wrong")
	}
}

// TestDrainIsSaid: while a job drains, that is its state.
func TestDrainIsSaid(t *testing.T) {
	c := newCluster(t)
	c.worker()
	s := c.seat(nil)
	c.write("in", 500)
	c.submit(s, "one", fmt.Sprintf(upper, "5ms", "out"))
	over := time.After(bustest.Timeout)
	for ordered, drains := false, false; !drains; {
		select {
		case e := <-s.events:
			p, _ := e.Data.(recipe.Progress)
			if !ordered && len(p.Steps) > 0 && p.Steps[0].In > 0 {
				c.order(s, "one", coordinator.WantDrain)
				ordered = true
			}
			st, _ := e.Data.(coordinator.Status)
			drains = st.State == recipe.JobDraining
		case <-over:
			t.Fatal("it never drained")
		}
	}
	c.until(s, "one", "has succeeded", in(recipe.JobSucceeded))
}

// TestResumedAtOnce: a job that is to go on before it has come to rest goes on at once, and waits for
// no room.
func TestResumedAtOnce(t *testing.T) {
	c := newCluster(t)
	s, want := c.busy(600)
	for range 5 {
		c.order(s, "one", coordinator.WantPause)
		c.order(s, "one", coordinator.WantRun)
	}
	c.until(s, "one", "has succeeded", func(j coordinator.Job) bool {
		if strings.Contains(j.Waiting, "room") {
			t.Fatalf("got %q", j.Waiting)
		}
		return j.State == recipe.JobSucceeded
	})
	if c.read("out") != want {
		t.Error("the output is wrong")
	}
}
