package store

import (
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestHalves removes a record by a coordinator that dies between the two marks: a sweep has the mark
// go away, be it seen when it was written or found at a start, and leaves what was written since.
func TestHalves(t *testing.T) {
	t.Parallel()
	server, ctx := bustest.Server(t), bustest.Context(t)
	type thing struct{ N int }
	open := func() (*Control, Table[thing]) {
		t.Helper()
		c, err := Open(ctx, Config{Conn: bustest.Connect(t, server), Marks: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		return c, NewTable[thing](c, "thing")
	}
	seen, table := open()
	for _, key := range []string{"seen", "found", "back", "whole"} {
		rev, err := table.Create(ctx, key, &thing{1})
		if err == nil && key == "whole" {
			err = table.Remove(ctx, key, rev)
		} else if err == nil {
			_, err = table.put(ctx, ctx, key, bus.Put{ExpectSubjectSeq: &rev})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.Create(ctx, "back", &thing{2}); err != nil {
		t.Fatal(err)
	}
	swept := func(c *Control, key string) {
		t.Helper()
		bustest.Eventually(t, key+" has gone", func() bool {
			if err := c.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			_, rev, err := table.Read(ctx, key)
			return coordinator.FamilyOf(err) == coordinator.Unknown && rev == 0
		})
	}
	swept(seen, "seen")
	if rev, err := table.Create(ctx, "found", &thing{3}); err != nil {
		t.Fatal(err)
	} else if _, err = table.put(ctx, ctx, "found", bus.Put{ExpectSubjectSeq: &rev}); err != nil {
		t.Fatal(err)
	}
	late, _ := open()
	swept(late, "found")
	if v, _, err := table.Read(ctx, "back"); err != nil || v.N != 2 {
		t.Errorf("got %v, %v of what was written again", v, err)
	}
	for _, c := range []*Control{seen, late} {
		bustest.Eventually(t, "nothing is kept of marks that have gone", func() bool {
			if err := c.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			c.order.Lock()
			defer c.order.Unlock()
			return len(c.halves) == 0
		})
	}
}
