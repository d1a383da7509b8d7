package store_test

import (
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
)

// TestOrderBesideNames orders of a revision of a job while users call other things like it: they are
// none of its records, written before or after, removed too.
func TestOrderBesideNames(t *testing.T) {
	d, ctx := open(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	text := "x"
	write := func(table, key string) uint64 {
		t.Helper()
		rev, err := store.NewTable[string](d.Control, table).Create(ctx, key, &text)
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	write("recipe", "one")
	if _, _, err := d.jobs.Submit(ctx, spec("one", 0)); err != nil {
		t.Fatal(err)
	}
	write("secret", "one")
	write("secret", "of.one")
	if err := store.NewTable[string](d.Control, "key").Remove(ctx, "one", write("key", "one")); err != nil {
		t.Fatal(err)
	}
	job, err := d.jobs.Show(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	now, err := d.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantPause}, job.Revision)
	if err != nil || now.Want != coordinator.WantPause {
		t.Errorf("got %+v, %v", now, err)
	}
	_, err = d.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantRun}, job.Revision)
	family(t, "an order on what it was", err, coordinator.Changed)
}
