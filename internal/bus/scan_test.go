package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

func ledger() bus.StreamConfig {
	return bus.StreamConfig{Name: "LEDGER", Subjects: []string{"ledger.>"}, MaxMsgsPerSubject: 1, DiscardNew: true, AllowDirect: true}
}

// put stores n messages, each on its own subject, and returns when all are stored.
func putMany(t testing.TB, p *bus.Publisher, prefix string, from, n int) {
	t.Helper()
	outcomes := make(chan bus.Outcome, n)
	for i := from; i < from+n; i++ {
		p.Put(bus.Put{Subject: fmt.Sprintf("%s.%d", prefix, i), Data: fmt.Append(nil, i)}, func(o bus.Outcome) { outcomes <- o })
	}
	for range n {
		if o := bustest.Wait(t, "stored", outcomes); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
}

func TestScan(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ensure(t, c, ledger())
	p, ctx := publisher(t, c), bustest.Context(t)
	scan := func(filter string, from uint64) (got []string) {
		t.Helper()
		err := c.Scan(ctx, "LEDGER", filter, from, func(m *bus.Stored) error {
			got = append(got, string(m.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := scan("", 0); len(got) != 0 {
		t.Errorf("empty: got %q", got)
	}
	putMany(t, p, "ledger.a", 0, 3000)
	putMany(t, p, "ledger.b", 3000, 10)
	if got := scan("", 0); len(got) != 3010 || got[0] != "0" || got[3009] != "3009" {
		t.Errorf("all: got %d", len(got))
	}
	if got := scan("ledger.b.*", 0); len(got) != 10 || got[0] != "3000" {
		t.Errorf("filter: got %q", got)
	}
	if got := scan("ledger.a.*", 2999); len(got) != 2 || got[0] != "2998" {
		t.Errorf("from: got %q", got)
	}
	if got := scan("", 5000); len(got) != 0 {
		t.Errorf("beyond the end: got %q", got)
	}
	stop := errors.New("enough")
	n := 0
	if err := c.Scan(ctx, "LEDGER", "", 0, func(*bus.Stored) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("error of the function: got %v after %d", err, n)
	}
	if err := c.Scan(ctx, "NONE", "", 0, func(*bus.Stored) error { return nil }); !errors.Is(err, bus.ErrNoStream) {
		t.Errorf("no stream: got %v", err)
	}
}

// While messages are written and the oldest are purged, a tail sees each one that it
// was not too late for, in order, and scans end.
func TestTailWhileWrittenAndPurged(t *testing.T) {
	for _, by := range bustest.Transports {
		t.Run(string(by), func(t *testing.T) {
			c := bustest.Conn(t, by)
			ensure(t, c, ledger())
			p, ctx := publisher(t, c), bustest.Context(t)
			const total = 5000
			putMany(t, p, "ledger", 0, 500)
			var seen atomic.Uint64
			got := make(chan uint64, total)
			stop, err := c.Tail(ctx, "LEDGER", "", 1, func(m *bus.Stored) { seen.Store(m.Seq); got <- m.Seq })
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			for from := 500; from < total; from += 500 {
				putMany(t, p, "ledger", from, 500)
				if _, err := c.PurgeBelow(ctx, "LEDGER", seen.Load()); err != nil {
					t.Fatal(err)
				}
				last := uint64(0)
				err := c.Scan(ctx, "LEDGER", "", 0, func(m *bus.Stored) error {
					if m.Seq <= last {
						return fmt.Errorf("got %d after %d", m.Seq, last)
					}
					last = m.Seq
					return nil
				})
				if err != nil || last < uint64(from+500) {
					t.Fatalf("scan: got up to %d, %v, want %d", last, err, from+500)
				}
			}
			for want := uint64(1); want <= total; want++ {
				if seq := bustest.Wait(t, "message", got); seq != want {
					t.Fatalf("got %d, want %d", seq, want)
				}
			}
		})
	}
}

// What a tail was too late for is left out, not waited for; a scan of what is purged
// under it ends.
func TestScanEndsWhenPurged(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ensure(t, c, ledger())
	p, ctx := publisher(t, c), bustest.Context(t)
	putMany(t, p, "ledger", 0, 5000)
	purged := false
	n := 0
	err := c.Scan(ctx, "LEDGER", "", 0, func(m *bus.Stored) error {
		if !purged {
			purged = true
			if err := c.PurgeSubject(ctx, "LEDGER", "ledger.>"); err != nil {
				return err
			}
		}
		n++
		return nil
	})
	if err != nil || n == 0 || n == 5000 {
		t.Errorf("got %d messages, %v", n, err)
	}
}

func TestReadOne(t *testing.T) {
	for _, direct := range []bool{true, false} {
		t.Run(fmt.Sprint("direct ", direct), func(t *testing.T) {
			c := bustest.Conn(t, bustest.InProcess)
			s := ledger()
			s.AllowDirect = direct
			ensure(t, c, s)
			p, ctx := publisher(t, c), bustest.Context(t)
			putMany(t, p, "ledger", 0, 3)
			for range 2 {
				last, err := c.Last(ctx, "LEDGER", "ledger.1")
				if err != nil || last.Seq != 2 || string(last.Data) != "1" || last.Subject != "ledger.1" || last.Time.IsZero() {
					t.Errorf("last: got %+v, %v", last, err)
				}
				at, err := c.At(ctx, "LEDGER", 3)
				if err != nil || at.Seq != 3 || string(at.Data) != "2" {
					t.Errorf("at: got %+v, %v", at, err)
				}
			}
			if _, err := c.Last(ctx, "LEDGER", "ledger.9"); !errors.Is(err, bus.ErrNotFound) {
				t.Errorf("no such subject: got %v", err)
			}
			if err := c.DeleteSeq(ctx, "LEDGER", 3); err != nil {
				t.Fatal(err)
			}
			if err := c.DeleteSeq(ctx, "LEDGER", 3); err != nil {
				t.Errorf("delete again: got %v", err)
			}
			if _, err := c.At(ctx, "LEDGER", 3); !errors.Is(err, bus.ErrNotFound) {
				t.Errorf("deleted: got %v", err)
			}
			if _, err := c.Last(ctx, "NONE", "none"); !errors.Is(err, bus.ErrNoStream) {
				t.Errorf("no stream: got %v", err)
			}
		})
	}
}

func TestTailStops(t *testing.T) {
	c := bustest.Conn(t, bustest.InProcess)
	ensure(t, c, ledger())
	got := make(chan uint64, 10)
	stop, err := c.Tail(context.Background(), "LEDGER", "", 0, func(m *bus.Stored) { got <- m.Seq })
	if err != nil {
		t.Fatal(err)
	}
	p := publisher(t, c)
	putMany(t, p, "ledger", 0, 1)
	bustest.Wait(t, "message", got)
	stop()
	stop()
	putMany(t, p, "ledger", 1, 5)
	if len(got) != 0 {
		t.Errorf("got %d messages after the stop", len(got))
	}
}
