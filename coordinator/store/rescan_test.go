package store_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestCutOffForLong: a coordinator that was cut off for longer than the marks of removed records
// stay has none of those records afterwards, and all others.
func TestCutOffForLong(t *testing.T) {
	t.Parallel()
	server, ctx := bustest.ServerTCP(t), bustest.Context(t)
	follow := func(conn *bus.Conn) (desk, store.Table[thing], func() []string) {
		c, err := store.Open(ctx, store.Config{Conn: conn, Marks: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		d, table := desk{c, store.NewJobs(c)}, store.NewTable[thing](c, "thing")
		var mu sync.Mutex
		seen := map[string]bool{}
		table.View(func(key string, v *thing, _ store.Change) {
			mu.Lock()
			defer mu.Unlock()
			if seen[key] = v != nil; v == nil {
				delete(seen, key)
			}
		})
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		return d, table, func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Sorted(maps.Keys(seen))
		}
	}
	through, shut := bustest.Gate(t, server.URL())
	here, table, _ := follow(bustest.Connect(t, server))
	away, _, has := follow(bustest.Dial(t, through))
	revs := map[string]uint64{}
	for _, key := range []string{"stays", "goes", "returns"} {
		var err error
		if revs[key], err = table.Create(ctx, key, &thing{1}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := here.jobs.Submit(ctx, spec(key, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := here.jobs.WriteStatus(ctx, "goes", coordinator.Status{State: recipe.JobSucceeded}); err != nil {
		t.Fatal(err)
	}
	if err := away.Current(ctx); err != nil || len(has()) != 3 {
		t.Fatal(err, has())
	}

	shut(true)
	for _, key := range []string{"goes", "returns"} {
		if err := table.Remove(ctx, key, revs[key]); err != nil {
			t.Fatal(err)
		}
	}
	if err := here.jobs.Forget(ctx, "goes"); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Create(ctx, "returns", &thing{2}); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the marks have gone", func() bool {
		_, rev, err := table.Read(ctx, "goes")
		_, kerr := here.jobs.Keyed(ctx, "goes")
		return coordinator.FamilyOf(err) == coordinator.Unknown && rev == 0 && kerr == nil
	})
	shut(false)
	bustest.Eventually(t, "what is gone is gone there too", func() bool {
		_, err := away.jobs.Job("goes")
		return err != nil && len(away.jobs.Remains()) == 0 && slices.Equal(has(), []string{"returns", "stays"})
	})
	for _, id := range []recipe.JobID{"stays", "returns"} {
		if _, err := away.jobs.Job(id); err != nil {
			t.Error(err)
		}
	}
}
