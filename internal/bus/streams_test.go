package bus_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

func TestEnsureStreamIsIdempotent(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ctx := bustest.Context(t)
	for _, s := range []bus.StreamConfig{edges(10), ledger(), {Name: "M", Subjects: []string{"m"}, Memory: true, MaxAge: time.Second, Duplicates: time.Minute}} {
		for range 2 {
			if err := c.EnsureStream(ctx, s); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
	if err := c.EnsureStream(ctx, edges(11)); !errors.Is(err, bus.ErrDiffers) {
		t.Errorf("other settings: got %v, want %v", err, bus.ErrDiffers)
	}
	if got, err := c.Streams(ctx, "E"); err != nil || !slices.Equal(got, []string{"EDGES"}) {
		t.Errorf("streams: got %q, %v", got, err)
	}
	for range 2 {
		if err := c.DeleteStream(ctx, "EDGES"); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.StreamState(ctx, "EDGES"); !errors.Is(err, bus.ErrNoStream) {
		t.Errorf("deleted: got %v, want %v", err, bus.ErrNoStream)
	}
}

// TestEnsureStreamBehindTheLast: the server removes the folder of an account whose last stream was
// deleted, in the background, and a stream that comes then is made all the same.
func TestEnsureStreamBehindTheLast(t *testing.T) {
	conn, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	s := bus.StreamConfig{Name: "S", Subjects: []string{"s"}}
	for i := range 500 {
		if err := conn.EnsureStream(ctx, s); err != nil {
			t.Fatalf("time %d: %v", i, err)
		}
		if err := conn.DeleteStream(ctx, s.Name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEnsureConsumerIsIdempotent(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ctx := bustest.Context(t)
	ensure(t, c, edges(10))
	a := bus.ConsumerConfig{Stream: "EDGES", Name: "a", Filter: "edge.a", AckWait: 3 * time.Second, MaxAckPending: 7}
	b := bus.ConsumerConfig{Stream: "EDGES", Name: "b", Filter: "edge.b", Backoff: []time.Duration{time.Second, time.Minute}, InactiveThreshold: time.Hour}
	for _, k := range []bus.ConsumerConfig{a, b, a, b} {
		if err := c.EnsureConsumer(ctx, k); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	a.MaxAckPending = 8
	if err := c.EnsureConsumer(ctx, a); !errors.Is(err, bus.ErrDiffers) {
		t.Errorf("other settings: got %v, want %v", err, bus.ErrDiffers)
	}
	if got, err := c.Consumers(ctx, "EDGES"); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("consumers: got %q, %v", got, err)
	}
	fill(t, c, "edge.b", 0, 3)
	bustest.Eventually(t, "three messages wait", func() bool {
		s, err := c.ConsumerState(ctx, "EDGES", "b")
		return err == nil && s.Waiting == 3 && s.InHand == 0
	})
	for range 2 {
		if err := c.DeleteConsumer(ctx, "EDGES", "a"); err != nil {
			t.Error(err)
		}
	}
	if err := c.DeleteConsumer(ctx, "NONE", "a"); err != nil {
		t.Error(err)
	}
	if _, err := c.ConsumerState(ctx, "EDGES", "a"); !errors.Is(err, bus.ErrGone) {
		t.Errorf("deleted: got %v, want %v", err, bus.ErrGone)
	}
}

func TestCountAndPurge(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ctx := bustest.Context(t)
	ensure(t, c, edges(100))
	fill(t, c, "edge.a", 0, 5)
	fill(t, c, "edge.b", 0, 3)
	want := func(a, b uint64) {
		t.Helper()
		counts, err := c.SubjectCounts(ctx, "EDGES", "edge.*")
		if err != nil || counts["edge.a"] != a || counts["edge.b"] != b {
			t.Errorf("got %v, %v, want %d and %d", counts, err, a, b)
		}
	}
	want(5, 3)
	purged := func(n, want uint64, err error) {
		t.Helper()
		if err != nil || n != want {
			t.Errorf("got %d purged, %v, want %d", n, err, want)
		}
	}
	n, err := c.PurgeBelow(ctx, "EDGES", 3)
	purged(n, 2, err)
	want(3, 3)
	n, err = c.PurgeSubjectBelow(ctx, "EDGES", "edge.b", 7)
	purged(n, 1, err)
	want(3, 2)
	n, err = c.PurgeSubjectBelow(ctx, "EDGES", "edge.b", 7)
	purged(n, 0, err)
	if err := c.PurgeSubject(ctx, "EDGES", "edge.a"); err != nil {
		t.Fatal(err)
	}
	want(0, 2)
	n, err = c.PurgeBelow(ctx, "EDGES", 0)
	purged(n, 0, err)
	want(0, 2)
	if s, err := c.StreamState(ctx, "EDGES"); err != nil || s.Msgs != 2 || s.Last != 8 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestSubscribe(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	got := make(chan string, 10)
	stop, err := c.Subscribe("tap.*", func(subject string, data []byte) { got <- subject + " " + string(data) })
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send("tap.a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if m := bustest.Wait(t, "message", got); m != "tap.a x" {
		t.Errorf("got %q", m)
	}
	stop()
	if err := c.Send("tap.a", []byte("y")); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(bustest.Context(t)); err != nil || len(got) != 0 {
		t.Errorf("after unsubscribe: got %d messages, %v", len(got), err)
	}
}
