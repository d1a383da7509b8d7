package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/audit"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

func TestMain(m *testing.M) { bustest.Main(m) }

func open(t *testing.T, c audit.Config) *audit.Log {
	t.Helper()
	l, err := audit.Open(bustest.Context(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// runs stores what is written, until stop.
func runs(t *testing.T, l *audit.Log) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return bustest.Wait(t, "Run to end", done)
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func write(t *testing.T, l *audit.Log, e coordinator.AuditEntry) {
	t.Helper()
	if err := l.Write(bustest.Context(t), e); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, l *audit.Log, f coordinator.AuditFilter) coordinator.AuditPage {
	t.Helper()
	p, err := l.List(bustest.Context(t), f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestW10Entry: a refusal stands in the log with who, from where and why, and without the token
// that was in one of its words.
func TestW10Entry(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	l := open(t, audit.Config{Conn: conn})
	stop := runs(t, l)
	const secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	token, jwt := "slu_abcdefghijkl_"+secret, "eyJhbGciOi."+secret+"."+secret
	write(t, l, coordinator.AuditEntry{Who: "ann", Key: "abcdefghijkl", Address: "192.0.2.7", Origin: "https://evil.example/?t=" + token, Request: "r1",
		Operation: "open-events", Object: "slt_" + secret + ".cA", Outcome: coordinator.Denied, Reason: "bearer " + secret + " and " + jwt + strings.Repeat(" x", 500)})
	write(t, l, coordinator.AuditEntry{Operation: "../>*", Outcome: "odd one", Object: strings.Repeat("x", 250) + "slu_abcdefghijkl_" + secret, Who: "b\xffd"})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	page := list(t, l, coordinator.AuditFilter{Outcome: coordinator.Denied})
	if len(page.Entries) != 1 {
		t.Fatalf("got %+v", page)
	}
	e := page.Entries[0]
	if e.Who != "ann" || e.Key != "abcdefghijkl" || e.Address != "192.0.2.7" || !strings.HasPrefix(e.Origin, "https://evil.example") || e.Request != "r1" ||
		e.Operation != "open-events" || e.At.IsZero() || e.ID == 0 || len(e.Reason) > 256 {
		t.Errorf("got %+v", e)
	}
	if odd := list(t, l, coordinator.AuditFilter{Outcome: coordinator.Faulty}).Entries; len(odd) != 1 || odd[0].Operation != "unknown" {
		t.Errorf("got %+v", odd)
	}
	err := conn.Scan(bustest.Context(t), audit.Stream, "", 0, func(m *bus.Stored) error {
		if strings.Contains(string(m.Data), secret[:6]) {
			t.Errorf("the log holds a token: %s", m.Data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// whole lists all that a filter lets through, page by page.
func whole(t *testing.T, l *audit.Log, f coordinator.AuditFilter) (all []coordinator.AuditEntry) {
	t.Helper()
	for {
		p := list(t, l, f)
		all = append(all, p.Entries...)
		if f.Before = p.Next; f.Before == 0 {
			return all
		}
	}
}

// TestPages walks the log newest first, whole and filtered, while it grows, over more entries
// than are read at once.
func TestPages(t *testing.T) {
	l := open(t, audit.Config{Conn: bustest.Conn(t, bustest.InProcess)})
	runs(t, l)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	entry := func(n int) coordinator.AuditEntry {
		return coordinator.AuditEntry{At: start.Add(time.Duration(n) * time.Second), Who: []string{"ann", "bob"}[n%2], Operation: "op", Object: fmt.Sprint(n), Outcome: coordinator.Allowed}
	}
	const all = 2500
	for n := range all {
		write(t, l, entry(n))
	}
	bustest.Eventually(t, "all are stored", func() bool {
		p := list(t, l, coordinator.AuditFilter{Limit: 1})
		return len(p.Entries) == 1 && p.Entries[0].ID == all
	})
	seen := map[string]int{}
	f, last, pages := coordinator.AuditFilter{Who: "ann", Limit: 300}, uint64(all+1), 0
	for {
		p := list(t, l, f)
		for _, e := range p.Entries {
			if e.Who != "ann" || e.ID >= last {
				t.Fatalf("got %+v behind %d", e, last)
			}
			last = e.ID
			seen[e.Object]++
		}
		pages++
		write(t, l, entry(all+2*pages))
		if f.Before = p.Next; f.Before == 0 {
			break
		}
	}
	if len(seen) != all/2 || pages < 5 { // more where the store is slow
		t.Errorf("got %d entries on %d pages, want %d on 5", len(seen), pages, all/2)
	}
	ten := coordinator.AuditFilter{Since: start.Add(100 * time.Second), Until: start.Add(110 * time.Second), Limit: 1000}
	if got := whole(t, l, ten); len(got) != 10 {
		t.Errorf("got %d entries of 10 seconds, want 10", len(got))
	}
	if got := whole(t, l, coordinator.AuditFilter{Object: "1234"}); len(got) != 1 || got[0].Who != "ann" {
		t.Errorf("got %+v", got)
	}
	if _, err := l.List(bustest.Context(t), coordinator.AuditFilter{Limit: 1001}); coordinator.FamilyOf(err) != coordinator.Invalid {
		t.Errorf("a page over the bound: %v", err)
	}
}

// TestLost: while nothing can be stored no request waits for long, and how many entries were
// lost stands in the log afterwards.
func TestLost(t *testing.T) {
	l := open(t, audit.Config{Conn: bustest.Conn(t, bustest.InProcess)})
	kept := 0
	var longest time.Duration
	for l.Lost() < 3 { // nothing runs that would store them
		at := time.Now()
		err := l.Write(bustest.Context(t), coordinator.AuditEntry{Who: "ann", Operation: "op", Outcome: coordinator.Allowed})
		longest = max(longest, time.Since(at))
		switch {
		case err == nil:
			kept++
		case !errors.Is(err, audit.ErrLost):
			t.Fatal(err)
		}
		if kept > 100_000 {
			t.Fatal("what waits has no bound")
		}
	}
	if longest > bustest.Within(2*time.Second) {
		t.Errorf("a request waited %v", longest)
	}
	runs(t, l)
	bustest.Eventually(t, "what was lost is told", func() bool {
		p := list(t, l, coordinator.AuditFilter{Outcome: coordinator.AuditLost})
		return len(p.Entries) == 1 && p.Entries[0].Lost == 3
	})
	bustest.Eventually(t, "what was taken is stored", func() bool {
		p := list(t, l, coordinator.AuditFilter{Limit: 1})
		return len(p.Entries) == 1 && p.Entries[0].ID == uint64(kept+1)
	})
}

// TestOutage: entries wait while the server is away, and are stored once when it is back.
func TestOutage(t *testing.T) {
	server := bustest.ServerTCP(t)
	through, cut := bustest.Proxy(t, server.URL())
	l := open(t, audit.Config{Conn: bustest.Dial(t, through)})
	runs(t, l)
	for n := range 100 {
		if n%20 == 0 {
			cut()
		}
		write(t, l, coordinator.AuditEntry{Who: "ann", Operation: "op", Object: fmt.Sprint(n), Outcome: coordinator.Allowed})
	}
	r := open(t, audit.Config{Conn: bustest.Dial(t, server.URL())})
	bustest.Eventually(t, "all are stored", func() bool { return len(list(t, r, coordinator.AuditFilter{Limit: 1000}).Entries) >= 100 })
	seen := map[string]int{}
	for _, e := range list(t, r, coordinator.AuditFilter{Limit: 1000}).Entries {
		if seen[e.Object]++; seen[e.Object] > 1 {
			t.Errorf("entry %s is there twice", e.Object)
		}
	}
	if len(seen) != 100 || l.Lost() != 0 {
		t.Errorf("got %d entries, %d lost", len(seen), l.Lost())
	}
}

// TestBounds: the log is bounded by bytes, and its bounds can be changed.
func TestBounds(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	open(t, audit.Config{Conn: conn})
	l := open(t, audit.Config{Conn: conn, MaxBytes: 64 << 10, MaxAge: time.Hour})
	stop := runs(t, l)
	for n := range 1000 {
		write(t, l, coordinator.AuditEntry{Who: "ann", Operation: "op", Object: fmt.Sprint(n), Outcome: coordinator.Allowed, Reason: strings.Repeat("x", 200)})
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	s, err := conn.StreamState(bustest.Context(t), audit.Stream)
	if err != nil || s.Bytes > 64<<10 || s.Last != 1000 || s.Msgs == 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	if p := list(t, l, coordinator.AuditFilter{Limit: 1000}); uint64(len(p.Entries)) != s.Msgs || p.Next != 0 {
		t.Errorf("got %d entries of %d", len(p.Entries), s.Msgs)
	}
}
