package bus_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestFleetSubjects makes one subject token of any name, and another one of another name.
func TestFleetSubjects(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"", "a", "A", "a.b", "a b", "a*", ">", "a=2Eb", "é", "=", "a-1_x"} {
		s := bus.WorkerSubject(name)
		if strings.Count(s, ".") != 1 || strings.ContainsAny(s, "*> ") || strings.HasSuffix(s, ".") {
			t.Errorf("%q: got %s", name, s)
		}
		if other, twice := seen[s]; twice {
			t.Errorf("%q and %q have one subject, %s", name, other, s)
		}
		seen[s] = name
	}
}

// TestFleetStreams looks that a worker's word is gone when its time is over, and that what was
// said of a kind stays as it was said.
func TestFleetStreams(t *testing.T) {
	c, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	for range 2 {
		if err := c.EnsureFleet(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	pub, err := c.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	for beat, want := range map[time.Duration]time.Duration{time.Millisecond: time.Second, 5 * time.Second: 15 * time.Second, 350 * time.Millisecond: 2 * time.Second} {
		if got := bus.WorkerTTL(beat); got != want {
			t.Errorf("beat %v: got %v, want %v", beat, got, want)
		}
	}
	if out := pub.PutSync(ctx, bus.Put{Subject: bus.WorkerSubject("a"), Data: []byte("{}"), TTL: bus.WorkerTTL(time.Millisecond)}); out.Err != nil {
		t.Fatal(out.Err)
	}
	if _, err := c.Last(ctx, bus.WorkersStream, bus.WorkerSubject("a")); err != nil {
		t.Error(err)
	}
	bustest.Eventually(t, "its time is over", func() bool {
		_, err := c.Last(ctx, bus.WorkersStream, bus.WorkerSubject("a"))
		return errors.Is(err, bus.ErrNotFound)
	})
	said := bus.Put{Subject: bus.KindSubject(bus.KindVersion{Kind: "k", Version: 2}, []byte("words")), Data: []byte("words")}
	if out := pub.PutSync(ctx, said); out.Err != nil {
		t.Error(out.Err)
	}
	if out := pub.PutSync(ctx, said); !errors.Is(out.Err, bus.ErrFull) {
		t.Errorf("the same words again: got %v, want %v", out.Err, bus.ErrFull)
	}
}
