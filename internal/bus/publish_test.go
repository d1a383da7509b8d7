package bus_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

func publisher(t testing.TB, c *bus.Conn) *bus.Publisher {
	t.Helper()
	p, err := c.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func ensure(t testing.TB, c *bus.Conn, s bus.StreamConfig) {
	t.Helper()
	if err := c.EnsureStream(bustest.Context(t), s); err != nil {
		t.Fatal(err)
	}
}

func edges(capacity int64) bus.StreamConfig {
	return bus.StreamConfig{Name: "EDGES", Subjects: []string{"edge.*"}, WorkQueue: true, MaxMsgsPerSubject: capacity, DiscardNew: true, Duplicates: 2 * time.Second}
}

// A window of puts into two subjects: each is full after its capacity, exactly those
// beyond it are refused, and the outcomes come in the order of the puts.
func TestPutRefusesExactlyWhatIsTooMuch(t *testing.T) {
	for _, by := range bustest.Transports {
		t.Run(string(by), func(t *testing.T) {
			c := bustest.Conn(t, by)
			ensure(t, c, edges(5))
			p := publisher(t, c)
			type result struct {
				subject string
				n       int
				o       bus.Outcome
			}
			results := make(chan result, 100)
			for n := range 20 {
				for _, subject := range []string{"edge.a", "edge.b"} {
					p.Put(bus.Put{Subject: subject, Data: fmt.Append(nil, n), MsgID: fmt.Sprint(subject, n)}, func(o bus.Outcome) {
						results <- result{subject, n, o}
					})
				}
			}
			next := map[string]int{}
			for range 40 {
				r := bustest.Wait(t, "outcome", results)
				if r.n != next[r.subject] {
					t.Fatalf("%s: got the outcome of %d, want %d", r.subject, r.n, next[r.subject])
				}
				next[r.subject]++
				if full := errors.Is(r.o.Err, bus.ErrFull); full != (r.n >= 5) {
					t.Errorf("%s %d: got %v", r.subject, r.n, r.o.Err)
				}
			}
			if n := p.InFlight(); n != 0 {
				t.Errorf("in flight: got %d, want 0", n)
			}
		})
	}
}

func TestPutTellsDuplicatesAndConflicts(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ensure(t, c, bus.StreamConfig{Name: "S", Subjects: []string{"s.*"}})
	p, ctx := publisher(t, c), bustest.Context(t)
	first := p.PutSync(ctx, bus.Put{Subject: "s.a", MsgID: "x"})
	again := p.PutSync(ctx, bus.Put{Subject: "s.a", MsgID: "x"})
	if first.Err != nil || first.Duplicate || again.Err != nil || !again.Duplicate || again.Seq != first.Seq {
		t.Errorf("got %+v and %+v, want the second to be a duplicate of the first", first, again)
	}
	none := uint64(0)
	if o := p.PutSync(ctx, bus.Put{Subject: "s.a", ExpectSubjectSeq: &none}); !errors.Is(o.Err, bus.ErrConflict) {
		t.Errorf("wrong last sequence: got %v, want %v", o.Err, bus.ErrConflict)
	}
	if o := p.PutSync(ctx, bus.Put{Subject: "s.a", ExpectSubjectSeq: &first.Seq}); o.Err != nil {
		t.Errorf("right last sequence: got %v", o.Err)
	}
	if o := p.PutSync(ctx, bus.Put{Subject: "s.a"}); o.Err != nil || o.Duplicate {
		t.Errorf("a put after one with headers: got %+v", o)
	}
	if o := p.PutSync(ctx, bus.Put{Subject: "nowhere"}); !errors.Is(o.Err, bus.ErrNoStream) {
		t.Errorf("no stream: got %v, want %v", o.Err, bus.ErrNoStream)
	}
	if o := p.PutSync(ctx, bus.Put{Subject: "s.a", Stream: "T"}); !errors.Is(o.Err, bus.ErrNoStream) {
		t.Errorf("other stream: got %v, want %v", o.Err, bus.ErrNoStream)
	}
	big := make([]byte, bus.DefaultMaxPayload+1)
	if o := p.PutSync(ctx, bus.Put{Subject: "s.a", Data: big}); !errors.Is(o.Err, bus.ErrTooLarge) {
		t.Errorf("large: got %v, want %v", o.Err, bus.ErrTooLarge)
	}
}

// A stream that can't be stored any more says so, and is not taken for a full subject.
func TestPutTellsThatTheStoreIsFull(t *testing.T) {
	account := natsconf.Account{Name: "a", Limits: natsconf.Limits{Store: 1 << 20}, Users: []natsconf.User{{Name: "u", Password: "p"}}}
	for name, c := range map[string]*bus.Conn{
		"server":  bustest.Connect(t, bustest.Start(t, bus.ServerConfig{MaxStore: 1 << 20})),
		"account": bustest.Connect(t, bustest.Start(t, bus.ServerConfig{Accounts: []natsconf.Account{account}}), bus.User("u", "p")),
	} {
		t.Run(name, func(t *testing.T) {
			ensure(t, c, edges(1000))
			p, ctx := publisher(t, c), bustest.Context(t)
			data := []byte(strings.Repeat("x", 100<<10))
			for range 20 {
				if o := p.PutSync(ctx, bus.Put{Subject: "edge.a", Data: data}); o.Err != nil {
					if !errors.Is(o.Err, bus.ErrStore) {
						t.Errorf("got %v, want %v", o.Err, bus.ErrStore)
					}
					return
				}
			}
			t.Error("2 MB fit into a store of 1 MiB")
		})
	}
}

// Somebody takes the puts and never answers.
func TestPutTimesOut(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess, bus.AckTimeout(50*time.Millisecond))
	stop, err := c.Subscribe("mute", func(string, []byte) {})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	p := publisher(t, c)
	outcomes := make(chan bus.Outcome, 10)
	for range 3 {
		p.Put(bus.Put{Subject: "mute"}, func(o bus.Outcome) { outcomes <- o })
	}
	for range 3 {
		if o := bustest.Wait(t, "timeout", outcomes); !errors.Is(o.Err, bus.ErrTimeout) {
			t.Errorf("got %v, want %v", o.Err, bus.ErrTimeout)
		}
	}
	if n := p.InFlight(); n != 0 {
		t.Errorf("in flight: got %d, want 0", n)
	}
}

func TestPutEndsWithTheConnection(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	stop, err := c.Subscribe("mute", func(string, []byte) {})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	p := publisher(t, c)
	outcomes := make(chan bus.Outcome, 10)
	p.Put(bus.Put{Subject: "mute"}, func(o bus.Outcome) { outcomes <- o })
	c.Close()
	p.Put(bus.Put{Subject: "mute"}, func(o bus.Outcome) { outcomes <- o })
	for range 2 {
		if o := bustest.Wait(t, "outcome", outcomes); !errors.Is(o.Err, bus.ErrClosed) {
			t.Errorf("got %v, want %v", o.Err, bus.ErrClosed)
		}
	}
}
