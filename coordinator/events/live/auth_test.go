package live_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/audit"
	"sluice/coordinator/auth"
	"sluice/coordinator/events/live"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// authority is one coordinator's view of the keys of project a.
func authority(t *testing.T, server *bus.Server) *auth.Auth {
	t.Helper()
	ctx := bustest.Context(t)
	control, err := store.Open(ctx, store.Config{Conn: bustest.Connect(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	a, err := auth.New(auth.Config{Projects: []auth.Project{{Name: "a", Control: control}}})
	if err == nil {
		err = control.Follow(ctx)
	}
	if err == nil {
		err = a.Confirm(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(run) }()
	t.Cleanup(func() {
		cancel()
		bustest.Wait(t, "the authority to end", done)
	})
	return a
}

// ledger writes refusals into the audit log of a project.
type ledger struct{ log *audit.Log }

// Refused implements live.Audit.
func (l ledger) Refused(r live.Refusal) { _ = l.log.Write(context.Background(), r.Entry()) }

// TestW4RealKeys opens a socket at one coordinator with a ticket of another, for a real key. The
// ticket serves once; when the key is revoked, at the other coordinator, the socket is closed
// within 5 s, and one of another key is not. The audit log has what was refused.
func TestW4RealKeys(t *testing.T) {
	server := bustest.Server(t)
	here, there := authority(t, server), authority(t, server)
	log, err := audit.Open(bustest.Context(t), audit.Config{Conn: bustest.Connect(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- log.Run(run) }()
	t.Cleanup(func() {
		cancel()
		bustest.Wait(t, "the audit to end", done)
	})
	w := newWorld(t, func(c *live.Config) {
		c.Tickets, c.Audit = here, ledger{log}
		c.PerAddress = auth.NewLimiter(auth.LimiterConfig{Rate: 1, Burst: 100})
		c.PerUser = auth.NewLimiter(auth.LimiterConfig{Rate: 1, Burst: 100})
		c.Messages = auth.NewLimiter(auth.LimiterConfig{Rate: 1, Burst: 100})
	})
	ctx := bustest.Context(t)
	keys, err := there.Keys("a")
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) (*client, coordinator.Key, string) {
		key, token, err := keys.Create(ctx, coordinator.Key{Name: name, Role: coordinator.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		p, err := there.Check(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		ticket, _, err := there.Ticket(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		bustest.Eventually(t, "the key is known here", func() bool { _, err := here.Check(ctx, token); return err == nil })
		return w.connect(ticket, nil), key, ticket
	}
	ann, key, ticket := open("ann")
	bob, _, _ := open("bob")
	for _, bad := range []string{ticket, ticket[:len(ticket)-2], ticket + "x", "slt_x.y"} {
		if resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", header(bad, origin)); resp.StatusCode != 401 {
			t.Errorf("a ticket that is not good: got %d, want 401", resp.StatusCode)
		}
	}
	if _, err := keys.Revoke(ctx, key.Prefix, "root"); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	if code, reason := ann.closes(); code != 4001 || time.Since(at) > bustest.Within(5*time.Second) {
		t.Errorf("got %d %q after %v", code, reason, time.Since(at))
	}
	bob.say(`{"type":"ping","id":"x"}`)
	bob.expect("pong", "x")
	bustest.Eventually(t, "the audit has it", func() bool {
		page, err := log.List(ctx, coordinator.AuditFilter{Operation: "open-events"})
		return err == nil && len(page.Entries) >= 2 && page.Entries[0].Who == "ann" && page.Entries[len(page.Entries)-1].Origin == origin
	})
}

// TestScopesOfTickets: a ticket opens a socket where its key has the scope of events, or all of its role.
func TestScopesOfTickets(t *testing.T) {
	real := authority(t, bustest.Server(t))
	w := newWorld(t, func(c *live.Config) { c.Tickets = real })
	ctx := bustest.Context(t)
	keys, err := real.Keys("a")
	if err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[coordinator.Scope]int{"": 101, "events:read": 101, "jobs:read": 403} {
		key := coordinator.Key{Name: "ann", Role: coordinator.Admin}
		if scope != "" {
			key.Scopes = []coordinator.Scope{scope}
		}
		_, token, err := keys.Create(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		bustest.Eventually(t, "the key is known", func() bool { _, err := real.Check(ctx, token); return err == nil })
		p, err := real.Check(ctx, token)
		if err != nil {
			t.Fatal(err)
		}
		ticket, _, err := real.Ticket(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.try(ticket, origin); got != want {
			t.Errorf("scope %q: got %d, want %d", scope, got, want)
		}
	}
}
