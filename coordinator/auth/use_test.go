package auth

import (
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
)

// TestUse: that a key was used is written at most once a minute; keys that have ended leave the
// list after 30 days.
func TestUse(t *testing.T) {
	ctx := bustest.Context(t)
	conn := bustest.Conn(t, bustest.InProcess)
	c, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	now := time.Now()
	k := newKeys(Project{"p", c}, func() time.Time { return now })
	if err := c.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	key, token, err := k.Create(ctx, coordinator.Key{Name: "ann", Role: coordinator.Viewer, Expires: now.Add(24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	prefix, digest, _ := parseToken(token)
	writes := func() uint64 {
		t.Helper()
		if err := k.note(ctx); err != nil {
			t.Fatal(err)
		}
		s, err := conn.StreamState(ctx, store.Stream)
		if err != nil {
			t.Fatal(err)
		}
		return s.Last
	}
	use := func(after time.Duration) uint64 {
		t.Helper()
		now = now.Add(after)
		k.proved = now
		if _, _, err := k.check(prefix, digest); err != nil {
			t.Fatal(err)
		}
		return writes()
	}
	start := writes()
	if got := use(time.Second); got != start+1 {
		t.Errorf("the first use made %d writes, want 1", got-start)
	}
	if got := use(59 * time.Second); got != start+1 {
		t.Errorf("a use in the same minute was written")
	}
	if got, _ := k.Show(prefix); !got.Used.Equal(now) {
		t.Errorf("got used %v, want %v", got.Used, now)
	}
	if got := use(time.Second); got != start+2 {
		t.Errorf("a use after a minute made %d writes, want 1", got-start-1)
	}
	now = key.Expires.Add(keepFor - time.Second)
	if writes(); len(k.List()) != 1 {
		t.Error("it left the list too early")
	}
	now = now.Add(2 * time.Second)
	if writes(); len(k.List()) != 0 {
		t.Error("it is still in the list")
	}
	if len(k.noted)+len(k.used) != 0 {
		t.Error("its uses are still there")
	}
}
