package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestOrderOfRevision lets a leader write a status that the coordinator which is asked has not
// seen: an order on the revision before is refused by the store, and nothing is written.
func TestOrderOfRevision(t *testing.T) {
	server := bustest.Server(t)
	a, ctx := open(t, bustest.Connect(t, server)), bustest.Context(t)
	c, err := store.Open(ctx, store.Config{Conn: bustest.Connect(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	gate := make(chan struct{})
	store.NewTable[coordinator.Status](c, "status").View(func(string, *coordinator.Status, store.Change) { <-gate })
	b := desk{c, store.NewJobs(c)}
	if err := c.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(gate); c.Close() })
	job, _, err := a.jobs.Submit(ctx, spec("one", 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Current(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobRunning}); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(ctx, 5*time.Second) // one that is taken would be waited for
	defer cancel()
	_, err = b.jobs.Order(soon, "one", coordinator.Order{Want: coordinator.WantPause}, job.Revision)
	family(t, "an order on what it was", err, coordinator.Changed)
	now, err := a.jobs.Show(ctx, "one")
	if err != nil || now.Want != coordinator.WantRun {
		t.Fatalf("got %+v, %v", now, err)
	}
	if got, err := a.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantPause}, now.Revision); err != nil || got.Want != coordinator.WantPause {
		t.Errorf("an order on what it is: got %+v, %v", got, err)
	}
}

// TestShowIsOneRevision reads a job by another coordinator while it is changed: each revision has
// one status, and who ordered without a revision is not told that others did.
func TestShowIsOneRevision(t *testing.T) {
	server := bustest.Server(t)
	a, b, ctx := open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server)), bustest.Context(t)
	if _, _, err := a.jobs.Submit(ctx, spec("one", 0)); err != nil {
		t.Fatal(err)
	}
	if err := b.Current(ctx); err != nil {
		t.Fatal(err)
	}
	const changes = 100
	var all sync.WaitGroup
	all.Go(func() {
		for n := range changes {
			if err := a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobRunning, Waiting: fmt.Sprint(n), Progress: &recipe.Progress{Reason: fmt.Sprint(n)}}); err != nil {
				t.Error(err)
			}
		}
	})
	for _, d := range []desk{a, b} {
		all.Go(func() {
			for n := range changes {
				w := []coordinator.Want{coordinator.WantPause, coordinator.WantRun}[n%2]
				if _, err := d.jobs.Order(ctx, "one", coordinator.Order{Want: w}, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	had := map[uint64]string{}
	for range 3 * changes {
		j, err := b.jobs.Show(ctx, "one")
		if err != nil {
			t.Fatal(err)
		}
		progress := ""
		if j.Progress != nil {
			progress = j.Progress.Reason
		}
		text := j.Waiting + " " + progress + " " + string(j.Want)
		if was, known := had[j.Revision]; j.Waiting != progress || known && was != text {
			t.Fatalf("revision %d is %q and was %q", j.Revision, text, was)
		}
		had[j.Revision] = text
	}
	all.Wait()
}
