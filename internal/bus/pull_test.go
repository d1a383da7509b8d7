package bus_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

func consumer(t testing.TB, c *bus.Conn, k bus.ConsumerConfig) {
	t.Helper()
	if err := c.EnsureConsumer(bustest.Context(t), k); err != nil {
		t.Fatal(err)
	}
}

func fill(t testing.TB, c *bus.Conn, subject string, from, n int) {
	t.Helper()
	p := publisher(t, c)
	outcomes := make(chan bus.Outcome, n)
	for i := from; i < from+n; i++ {
		p.Put(bus.Put{Subject: subject, Data: fmt.Append(nil, i)}, func(o bus.Outcome) { outcomes <- o })
	}
	for range n {
		if o := bustest.Wait(t, "stored", outcomes); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
}

func puller(t testing.TB, c *bus.Conn, name string) (*bus.Puller, chan *bus.Message, chan error) {
	t.Helper()
	got := make(chan *bus.Message, 10_000)
	p, gone := pullerOf(t, c, name, func(m *bus.Message) { got <- m })
	return p, got, gone
}

func pullerOf(t testing.TB, c *bus.Conn, name string, deliver func(*bus.Message)) (*bus.Puller, chan error) {
	t.Helper()
	gone := make(chan error, 1)
	p, err := c.NewPuller("EDGES", name, deliver, func(err error) { gone <- err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p, gone
}

func TestPullKeepsToItsCredit(t *testing.T) {
	for _, by := range bustest.Transports {
		t.Run(string(by), func(t *testing.T) {
			c := bustest.Conn(t, by)
			ensure(t, c, edges(1000))
			consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a", MaxAckPending: 1000})
			fill(t, c, "edge.a", 0, 500)
			p, got, _ := puller(t, c, "step")
			next := 0
			for _, credit := range []int{1, 7, 64, 3, 300} {
				p.Want(credit)
				for range credit {
					m := bustest.Wait(t, "message", got)
					if string(m.Data) != fmt.Sprint(next) || m.Subject != "edge.a" || m.Seq != uint64(next+1) || m.Delivered != 1 || m.Pending > uint64(499-next) /* the server counts a little late */ || time.Since(m.Stored) > time.Minute {
						t.Fatalf("got %+v, want message %d", m, next)
					}
					next++
					m.Ack()
				}
				if err := c.Flush(bustest.Context(t)); err != nil {
					t.Fatal(err)
				}
				if len(got) != 0 || p.Credit() != 0 {
					t.Fatalf("after a credit of %d: got %d more, credit %d", credit, len(got), p.Credit())
				}
			}
			bustest.Eventually(t, "375 messages are removed", func() bool {
				s, err := c.StreamState(bustest.Context(t), "EDGES")
				return err == nil && s.Msgs == 500-375
			})
		})
	}
}

func TestPullGivesBackAndBeats(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ensure(t, c, edges(10))
	consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a", AckWait: 1500 * time.Millisecond})
	fill(t, c, "edge.a", 0, 1)
	p, got, _ := puller(t, c, "step")
	p.Want(10)
	m := bustest.Wait(t, "message", got)
	for range 30 { // beats for twice as long as AckWait
		m.Beat()
		select {
		case m := <-got:
			t.Fatalf("got delivery %d while the message is in hand", m.Delivered)
		case <-time.After(100 * time.Millisecond):
		}
	}
	start := time.Now()
	m.Nak(150 * time.Millisecond)
	if m = bustest.Wait(t, "second delivery", got); m.Delivered != 2 || time.Since(start) < 140*time.Millisecond {
		t.Errorf("got delivery %d after %v", m.Delivered, time.Since(start))
	}
	m.Nak(0)
	m = bustest.Wait(t, "third delivery", got)
	if err := m.AckSync(bustest.Context(t)); err != nil {
		t.Fatal(err)
	}
	if s, err := c.StreamState(bustest.Context(t), "EDGES"); err != nil || s.Msgs != 0 {
		t.Errorf("got %d stored, %v, want none", s.Msgs, err)
	}
}

// TestSettleLosesNothing closes a connection while messages are on their way to a puller
// that was stopped: another reader gets them at once, not when AckWait has passed.
func TestSettleLosesNothing(t *testing.T) {
	const n = 1000
	for _, by := range bustest.Transports {
		t.Run(string(by), func(t *testing.T) {
			s := bustest.ServerTCP(t)
			connect := func() *bus.Conn {
				if by == bustest.TCP {
					return bustest.Dial(t, s.URL())
				}
				return bustest.Connect(t, s)
			}
			c, leaves := connect(), connect()
			ensure(t, c, edges(n))
			consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a", MaxAckPending: n, AckWait: time.Hour})
			fill(t, c, "edge.a", 0, n)
			first, _ := pullerOf(t, leaves, "step", func(m *bus.Message) { m.Nak(0) })
			first.Want(n)
			bustest.Eventually(t, "something came", func() bool { return first.Credit() < n })
			first.Stop()
			if err := leaves.Settle(bustest.Context(t)); err != nil {
				t.Fatal(err)
			}
			leaves.Close()
			p, got, _ := puller(t, c, "step")
			p.Want(n)
			for i := range n {
				bustest.Wait(t, fmt.Sprintf("message %d", i), got).Ack()
			}
		})
	}
}

func TestPullTellsThatTheConsumerIsGone(t *testing.T) {
	ends := map[string]func(*testing.T, *bus.Conn) error{
		"consumer deleted": func(t *testing.T, c *bus.Conn) error {
			return c.DeleteConsumer(bustest.Context(t), "EDGES", "step")
		},
		"stream deleted": func(t *testing.T, c *bus.Conn) error {
			return c.DeleteStream(bustest.Context(t), "EDGES")
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := bustest.Conn(t, bustest.InProcess)
			ensure(t, c, edges(10))
			consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a"})
			fill(t, c, "edge.a", 0, 2)
			p, got, gone := puller(t, c, "step")
			p.Want(10)
			bustest.Wait(t, "message", got)
			if err := end(t, c); err != nil {
				t.Fatal(err)
			}
			if err := bustest.Wait(t, "gone", gone); !errors.Is(err, bus.ErrGone) {
				t.Errorf("got %v, want %v", err, bus.ErrGone)
			}
		})
	}
	t.Run("never was", func(t *testing.T) {
		c := bustest.Conn(t, bustest.InProcess)
		ensure(t, c, edges(10))
		p, _, gone := puller(t, c, "step")
		p.Want(1)
		if err := bustest.Wait(t, "gone", gone); !errors.Is(err, bus.ErrGone) {
			t.Errorf("got %v, want %v", err, bus.ErrGone)
		}
	})
	t.Run("deleted while nothing is wanted", func(t *testing.T) {
		c := bustest.Conn(t, bustest.InProcess)
		ensure(t, c, edges(10))
		consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a"})
		p, _, gone := puller(t, c, "step")
		if err := c.DeleteConsumer(bustest.Context(t), "EDGES", "step"); err != nil {
			t.Fatal(err)
		}
		p.Want(1)
		if err := bustest.Wait(t, "gone", gone); !errors.Is(err, bus.ErrGone) {
			t.Errorf("got %v, want %v", err, bus.ErrGone)
		}
	})
}

// What a stopped puller had requested goes to the next one at once.
func TestPullStopGivesBack(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ensure(t, c, edges(100))
	consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "step", Filter: "edge.a", AckWait: time.Minute})
	entered, leave := make(chan struct{}), make(chan struct{})
	first, err := c.NewPuller("EDGES", "step", func(*bus.Message) { entered <- struct{}{}; <-leave }, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	first.Want(20)
	fill(t, c, "edge.a", 0, 20)
	bustest.Wait(t, "first message", entered)
	first.Stop() // one in hand, the others on their way
	close(leave)
	second, got, _ := puller(t, c, "step")
	second.Want(20)
	for range 19 {
		bustest.Wait(t, "message given back", got).Ack()
	}
}

// TestPullEndsAtSilence: a puller of a consumer that exists and gives no sign ends in time, and one
// that wants nothing does not.
func TestPullEndsAtSilence(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ensure(t, c, edges(10))
	consumer(t, c, bus.ConsumerConfig{Stream: "EDGES", Name: "c", Filter: "edge.a"})
	p, got, gone := puller(t, c, "c")
	p.Want(1)
	fill(t, c, "edge.a", 0, 1)
	bustest.Wait(t, "the message", got).Ack()
	p.Mislead(300 * time.Millisecond)
	select {
	case err := <-gone:
		t.Fatalf("nothing is wanted, and it ended: %v", err)
	default:
	}
	p.Want(1)
	if err := bustest.Wait(t, "the end", gone); !errors.Is(err, bus.ErrTimeout) || errors.Is(err, bus.ErrGone) {
		t.Errorf("got %v, want no answer", err)
	}
}
