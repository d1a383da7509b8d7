package library_test

import (
	"context"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/recipe"
)

// TestRoom refuses jobs whose edges could hold more than there is room for, with both figures.
func TestRoom(t *testing.T) {
	most, used := int64(0), int64(0)
	d := alone(t, func(c *library.Config) {
		c.Room = func(context.Context) (int64, int64, error) { return most, used, nil }
	})
	const text = "nodes:\n  src: {kind: string_generator, config: {count: 3}}\n  out: {kind: printer, from: {node: src, capacity: 1024}}\n"
	s := library.Submission{Owner: "ann", Document: &library.Document{Text: text}} // 1024 frames of 32 KiB
	job := d.submit(s)
	most, used = 64<<20, 32<<20
	d.submit(s)
	used++
	_, _, err := d.Submit(d.ctx, s)
	fault(t, "little is left", err, coordinator.OverLimit, "the edges of the recipe could hold 32 MiB together (capacity × frame size), and of the 64 MiB that the project may store 31 MiB are left; delete jobs and artifacts that are not needed, or lower the capacity of edges")
	most, used = 31<<20, 0
	const never = "the edges of the recipe could hold 32 MiB together (capacity × frame size), and the project may store 31 MiB; lower the capacity of edges"
	_, _, err = d.Submit(d.ctx, s)
	fault(t, "more than there may be", err, coordinator.OverLimit, never)
	if err := d.jobs.WriteStatus(d.ctx, job.ID, coordinator.Status{State: recipe.JobFailed}); err != nil {
		t.Fatal(err)
	}
	_, _, err = d.Retry(d.ctx, library.Retrying{Job: job.ID, Owner: "ann"})
	fault(t, "a retry", err, coordinator.OverLimit, never)
}
