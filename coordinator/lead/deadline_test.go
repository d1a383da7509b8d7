package lead_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

func (c *cluster) due(s *seat, id, text string, deadline time.Time) {
	c.t.Helper()
	spec := c.spec(id, text)
	spec.Deadline = deadline
	if _, _, err := s.jobs.Submit(bustest.Context(c.t), spec); err != nil {
		c.t.Fatal(err)
	}
}

func late(j coordinator.Job) bool {
	return j.State == recipe.JobFailed && strings.Contains(j.Reason, "deadline") && !j.Ended.IsZero()
}

// TestDeadline fails jobs that are not over in time: one that runs, one that workers are missing
// for, and one that waits for its turn.
func TestDeadline(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.most = 1
	c.worker()
	a := &absent{names: map[string]bool{"never": true}}
	s := c.seat(a.missing)
	c.write("in", 1000)
	began := time.Now()
	deadline := began.Add(1500 * time.Millisecond)
	c.due(s, "never", named("never", "0s"), deadline)
	c.until(s, "never", "waits for workers", waits("no worker"))
	c.due(s, "runs", named("runs", "50ms"), deadline.Add(time.Second))
	c.until(s, "runs", "runs", in(recipe.JobRunning))
	c.due(s, "turn", named("turn", "0s"), deadline)
	c.until(s, "turn", "waits for its turn", waits("waits for its turn"))
	for _, id := range []recipe.JobID{"never", "runs", "turn"} {
		c.until(s, id, "has failed", late)
	}
	if j, err := s.jobs.Job("turn"); err != nil || j.Ended.Before(deadline) || !j.Started.IsZero() {
		t.Errorf("got %+v, %v", j, err)
	}
}

// TestDeadlineAtRest fails a job that is paused at its deadline, and leaves none of its streams.
func TestDeadlineAtRest(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.worker()
	s := c.seat(nil)
	c.write("in", 1000)
	c.due(s, "one", fmt.Sprintf(upper, "50ms", "out"), time.Now().Add(bustest.Within(3*time.Second)))
	c.until(s, "one", "runs", in(recipe.JobRunning))
	c.order(s, "one", coordinator.WantPause)
	c.until(s, "one", "is paused", in(recipe.JobPaused))
	c.until(s, "one", "has failed", late)
}

// TestDeadlineWhileNobodyLeads: a job whose deadline passes while nobody leads has not succeeded,
// though little of it was left, and neither has one that was never begun.
func TestDeadlineWhileNobodyLeads(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.worker()
	a := c.seat(nil)
	c.write("in", 1000)
	deadline := time.Now().Add(bustest.Within(2 * time.Second))
	c.due(a, "one", fmt.Sprintf(upper, "2ms", "out"), deadline)
	c.until(a, "one", "runs", in(recipe.JobRunning))
	b := c.seat(func(*recipe.Plan) string { // does not begin before
		if time.Now().Before(deadline.Add(100 * time.Millisecond)) {
			return "no worker is here"
		}
		return ""
	})
	a.leave()
	c.due(b, "two", fmt.Sprintf(upper, "0s", "two"), deadline)
	bustest.Eventually(t, "the deadline is over", func() bool { return time.Now().After(deadline) })
	c.until(b, "one", "has failed", late)
	c.until(b, "two", "has failed", late)
}
