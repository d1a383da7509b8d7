package api_test

import (
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestSlowNode looks at a job of which nothing new is counted for long: its time goes on, and stands
// still when it rests, also when it goes on and nothing is counted of that yet.
func TestSlowNode(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t), bustest.Context(t)
	defer d.worker(nil)()
	c := d.client(coordinator.Author)
	const graph = "recipe: slow\nnodes:\n  n: {kind: integer_generator, config: {count: 5}}\n  w: {kind: delay, from: n, config: {duration: 1m}}\n  p: {kind: printer, from: w}\n"
	j, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: graph}}, "")
	if err != nil {
		t.Fatal(err)
	}
	show := func() coordinator.Job {
		t.Helper()
		got, err := c.Job(ctx, j.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	bustest.Eventually(t, "its source was read", func() bool { p := show().Progress; return p != nil && p.Read() == 5 })
	began := show().Progress.Elapsed
	bustest.Eventually(t, "its time goes on", func() bool { return show().Progress.Elapsed > began+2*time.Second })
	if _, err := c.Order(ctx, j.ID, client.Stop); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "it rests", func() bool { return show().State == recipe.JobStopped })
	rests := show().Progress.Elapsed
	until := time.Now().Add(1500 * time.Millisecond)
	bustest.Eventually(t, "it has rested for a while", func() bool { return time.Now().After(until) })
	if got := show().Progress.Elapsed; got != rests {
		t.Errorf("its time goes on at rest: got %v, had %v", got, rests)
	}
}
