package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestRequest asks and is answered, refused, and told that nobody is there.
func TestRequest(t *testing.T) {
	for _, by := range bustest.Transports {
		t.Run(string(by), func(t *testing.T) {
			c, ctx := bustest.Conn(t, by), bustest.Context(t)
			if _, err := c.Request(ctx, "ask.one", nil); !errors.Is(err, bus.ErrNobody) {
				t.Errorf("got %v, want ErrNobody", err)
			}
			stop, err := c.Serve("ask.*", "q", func(_ context.Context, subject string, data []byte) ([]byte, error) {
				switch subject {
				case "ask.no":
					return nil, errors.New(strings.Repeat("no", 1000))
				case "ask.large":
					return make([]byte, 4<<20), nil
				}
				return append([]byte(subject+" "), data...), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Request(ctx, "ask.one", []byte("x"))
			if err != nil || string(got) != "ask.one x" {
				t.Errorf("got %q, %v", got, err)
			}
			var r *bus.Refusal
			if _, err = c.Request(ctx, "ask.no", nil); !errors.As(err, &r) || len(r.Text) != 1024 {
				t.Errorf("got %v, want a refusal of 1024 bytes", err)
			}
			if _, err = c.Request(ctx, "ask.large", nil); !errors.As(err, &r) || !strings.Contains(r.Text, "larger") {
				t.Errorf("got %v, want a refusal of a large answer", err)
			}
			stop()
			if _, err := c.Request(ctx, "ask.one", nil); !errors.Is(err, bus.ErrNobody) {
				t.Errorf("after stop: got %v, want ErrNobody", err)
			}
		})
	}
}

// TestServeBounds holds all answers up: at most 16 run at once, a request runs into its own
// deadline, and stop ends those that run.
func TestServeBounds(t *testing.T) {
	server := bustest.Server(t)
	c, asker, ctx := bustest.Connect(t, server), bustest.Connect(t, server), bustest.Context(t)
	var mu sync.Mutex
	now, most := 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		now += n
		most = max(most, now)
	}
	started := make(chan struct{}, 100)
	stop, err := c.Serve("slow", "", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		count(1)
		defer count(-1)
		started <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := asker.Send("slow", nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 16 {
		bustest.Wait(t, "an answer that runs", started)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := asker.Request(short, "slow", nil); !errors.Is(err, bus.ErrTimeout) {
		t.Errorf("got %v, want ErrTimeout", err)
	}
	stop()
	if now != 0 || most != 16 {
		t.Errorf("got %d answers after stop and %d at once, want 0 and 16", now, most)
	}
}

// TestServeQueue lets two serve: each request is answered once, by either.
func TestServeQueue(t *testing.T) {
	server := bustest.Server(t)
	ctx := bustest.Context(t)
	var served [2]atomic.Int64
	for i := range served {
		stop, err := bustest.Connect(t, server).Serve("q", "workers", func(context.Context, string, []byte) ([]byte, error) {
			served[i].Add(1)
			return fmt.Appendf(nil, "%d", i), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
	}
	asker := bustest.Connect(t, server)
	bustest.Eventually(t, "both serve", func() bool {
		if _, err := asker.Request(ctx, "q", nil); err != nil && !errors.Is(err, bus.ErrNobody) {
			t.Fatal(err)
		}
		return served[0].Load() > 0 && served[1].Load() > 0
	})
	before := served[0].Load() + served[1].Load()
	for range 20 {
		if _, err := asker.Request(ctx, "q", nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := served[0].Load() + served[1].Load() - before; got != 20 {
		t.Errorf("20 requests were served %d times", got)
	}
}
