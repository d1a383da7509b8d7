package bus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sluice/internal/bus/bustest"
)

// TestTap hears all that comes while its function keeps up, and counts what it misses while it
// does not: nothing else on the connection waits.
func TestTap(t *testing.T) {
	c, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	got, hold := make(chan string, 100), make(chan struct{})
	heard := 0 // owned by the function until the tap is drained
	tap, err := c.Tap("tap.*", func(b []byte) {
		if heard++; string(b) == "hold" {
			<-hold
		}
		if heard <= 10 {
			got <- string(b)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	send := func(text string) {
		t.Helper()
		if err := c.Send("tap.a", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	send("one")
	if m := bustest.Wait(t, "message", got); m != "one" {
		t.Errorf("got %q", m)
	}
	if n, unknown := tap.Missed(); n != 0 || unknown {
		t.Errorf("missed %d, %v; want none", n, unknown)
	}
	send("hold")
	const sent = 20_000
	for i := range sent {
		send(fmt.Sprint(i))
	}
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	missed, unknown := tap.Missed()
	if missed == 0 || unknown {
		t.Errorf("missed %d, %v; want some", missed, unknown)
	}
	if again, _ := tap.Missed(); again != 0 {
		t.Errorf("told again: %d", again)
	}
	close(hold)
	if err := tap.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if heard+missed != sent+2 {
		t.Errorf("heard %d and missed %d of %d", heard, missed, sent+2)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := tap.Drain(short); err == nil {
		t.Error("a tap is drained twice")
	}
}
