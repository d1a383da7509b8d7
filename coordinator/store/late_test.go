package store

import (
	"testing"
	"time"

	"sluice/internal/bus/bustest"
)

// TestLate: what was written is seen soon though nothing arrives by itself, as when the server is
// gone that sent it: by who writes, and by who asks.
func TestLate(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	type thing struct{ N int }
	open := func(seen map[string]int) (*Control, Table[thing]) {
		c, err := Open(ctx, Config{Conn: bustest.Connect(t, server)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		table := NewTable[thing](c, "thing")
		table.View(func(key string, v *thing, _ Change) { seen[key] = v.N })
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		return c, table
	}
	here, there := map[string]int{}, map[string]int{}
	a, at := open(here)
	b, bt := open(there)
	a.stop()
	b.stop()
	began := time.Now()
	for n, key := range []string{"x", "y", "z"} {
		if _, err := at.Create(ctx, key, &thing{n + 1}); err != nil {
			t.Fatal(err)
		}
	}
	if here["x"] != 1 || here["z"] != 3 {
		t.Errorf("who wrote has seen %v", here)
	}
	if err := b.Current(ctx); err != nil || there["x"] != 1 || there["y"] != 2 || there["z"] != 3 {
		t.Errorf("who asked has seen %v, %v", there, err)
	}
	if _, err := bt.Create(ctx, "w", &thing{4}); err != nil || there["w"] != 4 {
		t.Errorf("got %v, %v", there, err)
	}
	if took := time.Since(began); took > bustest.Within(5*time.Second) {
		t.Errorf("it took %v", took)
	}
}
