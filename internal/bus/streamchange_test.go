package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// replicas asks how many servers are to keep a stream; settled says that they do. Until then the
// loss of one may stop the stream, whatever the replicas say of themselves.
func replicas(ctx context.Context, c *bus.Conn, stream string) (n int, settled bool, err error) {
	data, err := c.Request(ctx, "$JS.API.STREAM.INFO."+stream, nil)
	if err != nil {
		return 0, false, err
	}
	var i struct {
		Config struct {
			Replicas int `json:"num_replicas"`
		} `json:"config"`
		Cluster struct {
			Desired any `json:"desired"`
		} `json:"cluster"`
	}
	err = json.Unmarshal(data, &i)
	return i.Config.Replicas, i.Cluster.Desired == nil, err
}

// TestReplicasGrow asks for three replicas of streams that have one, of which one differs in
// another bound, too. Then the server is shut down that kept all of them alone, and nothing is
// lost. Who asks for one replica later takes none away.
func TestReplicasGrow(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left out: servers take half a minute until replicas have settled, and -short is given")
	}
	// again repeats a question, which may find nobody while a leader is chosen.
	again := func(what string, ask func(context.Context) error) {
		t.Helper()
		until(t, t.Context(), what, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return ask(ctx)
		})
	}
	all := bustest.Cluster(t, 3, nil)
	c := bustest.Dial(t, urls(all))
	ctx, cancel := context.WithTimeout(t.Context(), 4*bustest.Timeout)
	defer cancel()
	kept := bus.StreamConfig{Name: "KEPT", Subjects: []string{"kept.*"}, MaxMsgsPerSubject: 1, DiscardNew: true, AllowDirect: true, MaxAge: 400 * 24 * time.Hour}
	queue := bus.StreamConfig{Name: "QUEUE", Subjects: []string{"queue.*"}, WorkQueue: true, MaxMsgsPerSubject: 100, DiscardNew: true}
	bounded := bus.StreamConfig{Name: "BOUNDED", Subjects: []string{"bounded.*"}, MaxBytes: 1 << 20}
	for _, s := range []bus.StreamConfig{kept, queue, bounded} {
		again(s.Name, func(ctx context.Context) error { return c.EnsureStream(ctx, s) })
	}
	again("the consumer", func(ctx context.Context) error {
		return c.EnsureConsumer(ctx, bus.ConsumerConfig{Stream: "QUEUE", Name: "q", Filter: "queue.a", AckWait: time.Minute, MaxAckPending: 10})
	})
	pub, err := c.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	for i := range 50 {
		for _, p := range []bus.Put{{Subject: fmt.Sprint("kept.", i)}, {Subject: "queue.a"}, {Subject: "bounded.a"}} {
			p.Data = []byte("x")
			if out := pub.PutSync(ctx, p); out.Err != nil {
				t.Fatal(out.Err)
			}
		}
	}

	kept.Replicas, queue.Replicas, bounded.Replicas, bounded.MaxBytes = 3, 3, 3, 2<<20
	for _, s := range []bus.StreamConfig{kept, queue, kept} {
		if err := c.EnsureStream(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.EnsureStream(ctx, bounded); !errors.Is(err, bus.ErrDiffers) {
		t.Fatalf("another bound: got %v, want %v", err, bus.ErrDiffers)
	}
	for _, name := range []string{"KEPT", "QUEUE", "BOUNDED"} {
		again("three replicas", func(ctx context.Context) error {
			if n, settled, err := replicas(ctx, c, name); err != nil || n != 3 || !settled {
				return fmt.Errorf("%s: %d replicas, settled: %v: %w", name, n, settled, err)
			}
			return nil
		})
		bustest.Eventually(t, "three servers hold all of "+name, func() bool {
			return !slices.ContainsFunc(all, func(s *bus.Server) bool { return s.Holds(name) != 50 })
		})
	}
	leader := slices.IndexFunc(all, func(s *bus.Server) bool { return s.Leads("", "KEPT") })
	if leader < 0 {
		t.Fatal("nobody leads")
	}
	all[leader].Shutdown()
	for _, name := range []string{"KEPT", "QUEUE", "BOUNDED"} {
		var st bus.StreamState
		again("the state", func(ctx context.Context) (err error) { st, err = c.StreamState(ctx, name); return err })
		if st.Msgs != 50 {
			t.Errorf("%s holds %d messages, want 50", name, st.Msgs)
		}
	}
	again("the consumer's state", func(ctx context.Context) error {
		st, err := c.ConsumerState(ctx, "QUEUE", "q")
		if err == nil && st.Waiting != 50 {
			err = fmt.Errorf("%d messages wait, want 50", st.Waiting)
		}
		return err
	})

	kept.Replicas, bounded.Replicas = 1, 1
	again("fewer replicas", func(ctx context.Context) error { return c.EnsureStream(ctx, kept) })
	again("another bound and fewer replicas", func(ctx context.Context) error { return c.ChangeStream(ctx, bounded) })
	for _, name := range []string{"KEPT", "BOUNDED"} {
		again("what is asked", func(ctx context.Context) error {
			asked, _, err := replicas(ctx, c, name)
			if err == nil && asked != 3 {
				t.Errorf("%s is to have %d replicas, want the 3 that it had", name, asked)
			}
			return err
		})
	}
}
