package store_test

import (
	"fmt"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

type thing struct {
	N int `json:"n"`
}

func things(t *testing.T, conn *bus.Conn) (*store.Control, store.Table[thing], func() int) {
	t.Helper()
	c, err := store.Open(bustest.Context(t), store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	table := store.NewTable[thing](c, "thing")
	seen := make(chan int, 1)
	seen <- 0
	table.View(func(_ string, v *thing, _ store.Change) {
		<-seen
		if v == nil {
			v = &thing{}
		}
		seen <- v.N
	})
	if err := c.Follow(bustest.Context(t)); err != nil {
		t.Fatal(err)
	}
	return c, table, func() int {
		n := <-seen
		seen <- n
		return n
	}
}

// TestCurrent: whoever asks has seen all that was written before, by whomever.
func TestCurrent(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	_, writes, _ := things(t, bustest.Connect(t, server))
	reader, _, last := things(t, bustest.Connect(t, server))
	if err := reader.Current(ctx); err != nil {
		t.Errorf("an empty store: %v", err)
	}
	var rev uint64
	for n := 1; n <= 200; n++ {
		var err error
		if rev, err = writes.Update(ctx, "x", &thing{n}, rev); err != nil {
			t.Fatal(err)
		}
		if err := reader.Current(ctx); err != nil {
			t.Fatal(err)
		}
		if got := last(); got != n {
			t.Fatalf("got %d, want %d", got, n)
		}
	}
	server.Shutdown()
	family(t, "without a server", reader.Current(ctx), coordinator.Unavailable)
}

// TestCurrentBehindExpired: the last that was written has expired before it was read.
func TestCurrentBehindExpired(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	conn := bustest.Connect(t, server)
	_, table, _ := things(t, conn)
	if _, err := table.CreateFor(ctx, "x", &thing{1}, time.Second); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "it has expired", func() bool {
		_, _, err := table.Read(ctx, "x")
		return coordinator.FamilyOf(err) == coordinator.Unknown
	})
	late, _, _ := things(t, bustest.Connect(t, server))
	if err := late.Current(ctx); err != nil {
		t.Error(err)
	}
}

// TestTake: of many who take a record at once, one gets it.
func TestTake(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	_, a, _ := things(t, bustest.Connect(t, server))
	_, b, _ := things(t, bustest.Connect(t, server))
	for round := range 5 {
		key := fmt.Sprint("k", round)
		if _, err := a.CreateFor(ctx, key, &thing{7}, time.Minute); err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		for i := range 8 {
			go func() {
				v, err := []store.Table[thing]{a, b}[i%2].Take(ctx, key)
				if err == nil && v.N != 7 {
					err = fmt.Errorf("got %+v", v)
				}
				got <- err
			}()
		}
		good := 0
		for range 8 {
			if err := <-got; err == nil {
				good++
			} else {
				family(t, "too late", err, coordinator.Unknown)
			}
		}
		if good != 1 {
			t.Errorf("%d got it", good)
		}
	}
	_, err := a.Take(ctx, "nothing")
	family(t, "what was never there", err, coordinator.Unknown)
}
