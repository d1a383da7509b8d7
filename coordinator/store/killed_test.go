package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestRemovedStaysRemoved: a record whose mark has gone does not come back when the server is
// killed: what is read of its folder is what a start after that finds.
func TestRemovedStaysRemoved(t *testing.T) {
	t.Parallel()
	ctx, dir := bustest.Context(t), t.TempDir()
	open := func(dir string) store.Table[thing] {
		t.Helper()
		c, err := store.Open(ctx, store.Config{Conn: bustest.Connect(t, bustest.Start(t, bus.ServerConfig{Dir: dir})), Marks: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		return store.NewTable[thing](c, "thing")
	}
	table := open(dir)
	rev, err := table.Create(ctx, "a", &thing{1})
	if err != nil {
		t.Fatal(err)
	}
	if rev, err = table.Update(ctx, "a", &thing{2}, rev); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Create(ctx, "b", &thing{3}); err != nil {
		t.Fatal(err)
	}
	if err := table.Remove(ctx, "a", rev); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the mark has gone", func() bool {
		_, rev, err := table.Read(ctx, "a")
		return coordinator.FamilyOf(err) == coordinator.Unknown && rev == 0
	})
	killed := filepath.Join(t.TempDir(), "killed")
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	after := open(killed)
	if v, rev, err := after.Read(ctx, "a"); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("got %v at %d, %v: a record that was removed is back", v, rev, err)
	}
	if v, _, err := after.Read(ctx, "b"); err != nil || v.N != 3 {
		t.Errorf("got %v, %v of the record that stays", v, err)
	}
}
