package lead_test

import (
	"errors"
	"fmt"
	"testing"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestLeftovers: a record that came back of a deleted job is ended and removed by who leads, and
// that of a job which is there stays.
func TestLeftovers(t *testing.T) {
	c := newCluster(t)
	conn, ctx := bustest.Connect(t, c.server), bustest.Context(t)
	put := func(id recipe.JobID) {
		t.Helper()
		pub, err := conn.NewPublisher()
		if err != nil {
			t.Fatal(err)
		}
		data, err := bus.EncodeRecord(&bus.JobRecord{Job: id, State: recipe.JobRunning, Generation: 1, Plan: &recipe.Plan{Version: recipe.PlanVersion}})
		if err != nil {
			t.Fatal(err)
		}
		if o := pub.PutSync(ctx, bus.Put{Subject: bus.JobSubject(id), Data: data}); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	put("deleted")
	c.worker()
	c.write("in", 10)
	a := c.seat(nil)
	c.submit(a, "one", fmt.Sprintf(upper, "0s", "one"))
	c.until(a, "one", "has succeeded", in(recipe.JobSucceeded))
	bustest.Eventually(t, "the record is gone", func() bool {
		_, err := job.Stored(ctx, conn, "deleted")
		return errors.Is(err, job.ErrNone)
	})
	a.leave()
	b := c.seat(nil)
	bustest.Eventually(t, "the next one leads", b.leader.Leads)
	c.submit(b, "two", fmt.Sprintf(upper, "0s", "two"))
	c.until(b, "two", "has succeeded", in(recipe.JobSucceeded))
	if _, err := job.Stored(ctx, conn, "one"); err != nil {
		t.Errorf("the record of a job that is there: %v", err)
	}
}
