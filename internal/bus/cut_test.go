package bus_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// soon is well below what a lost request or answer would be missed by otherwise.
const soon = 5 * time.Second

// When a connection breaks without a word, what is in flight is told at once, and
// pullers and tails go on as soon as there is a connection again.
func TestSurvivesCutConnection(t *testing.T) {
	s := bustest.ServerTCP(t)
	through, cut := bustest.Proxy(t, s.URL())
	c, steady := bustest.Dial(t, through), bustest.Connect(t, s)
	ensure(t, c, edges(10_000))
	ensure(t, c, ledger())
	consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a", AckWait: time.Second})
	mute, err := steady.Subscribe("mute", func(string, []byte) {})
	if err != nil {
		t.Fatal(err)
	}
	defer mute()
	pull, arrived, gone := puller(t, c, "step")
	pull.Want(1000)
	tailed := make(chan string, 1000)
	stop, err := c.Tail(bustest.Context(t), "LEDGER", "", 0, func(m *bus.Stored) { tailed <- string(m.Data) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	broken, writer := publisher(t, c), publisher(t, steady)
	for round := range 4 {
		outcomes := make(chan bus.Outcome, 1)
		start := time.Now()
		broken.Put(bus.Put{Subject: "mute"}, func(o bus.Outcome) { outcomes <- o })
		if err := c.Flush(bustest.Context(t)); err != nil {
			t.Fatal(err)
		}
		fill(t, steady, "edge.a", round*10, 10)
		cut()
		putMany(t, writer, "ledger", round*10, 10)
		if o := bustest.Wait(t, "outcome", outcomes); !errors.Is(o.Err, bus.ErrDisconnected) || !errors.Is(o.Err, bus.ErrTimeout) {
			t.Errorf("in flight: got %v, want %v", o.Err, bus.ErrDisconnected)
		}
		for i := round * 10; i < round*10+10; i++ {
			if got := bustest.Wait(t, "ledger entry", tailed); got != fmt.Sprint(i) {
				t.Fatalf("tail: got %s, want %d", got, i)
			}
		}
		fill(t, steady, "edge.a", 1000+round, 1)
		for m := range arrived {
			m.Ack()
			if string(m.Data) == fmt.Sprint(1000+round) {
				break
			}
		}
		if d := time.Since(start); d > bustest.Within(soon) {
			t.Errorf("went on after %v, want less than %v", d, soon)
		}
	}
	bustest.Eventually(t, "all messages are removed", func() bool {
		for len(arrived) > 0 {
			(<-arrived).Ack()
		}
		state, err := steady.StreamState(bustest.Context(t), "EDGES")
		return err == nil && state.Msgs == 0
	})
	if len(gone) > 0 {
		t.Errorf("gone: %v", <-gone)
	}
}
