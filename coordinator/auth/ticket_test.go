package auth_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/internal/bus/bustest"
)

// TestTickets: a ticket serves once, at any coordinator, whoever is fast.
func TestTickets(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	a := open(t, bustest.Connect(t, server), auth.Config{}).runs(t)
	b := open(t, bustest.Connect(t, server), auth.Config{}).runs(t)
	k, token := a.key(t, "ann", coordinator.Author, time.Time{})
	p, err := a.Check(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "b knows the key", func() bool { _, err := b.Check(ctx, token); return err == nil })
	ticket, _, err := a.Ticket(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(ticket, " ,;()<>@:\\\"/[]?={}\t") {
		t.Errorf("%s can't stand in a header's list of words", ticket)
	}
	got := make(chan error)
	for i := range 10 {
		go func() {
			who, err := []desk{a, b}[i%2].Redeem(ctx, ticket)
			if err == nil && !reflect.DeepEqual(who, p) {
				t.Errorf("got %+v, want %+v", who, p)
			}
			got <- err
		}()
	}
	good := 0
	for range 10 {
		if err := <-got; err == nil {
			good++
		} else {
			family(t, "a second use", err, coordinator.Unnamed)
		}
	}
	if good != 1 {
		t.Errorf("it served %d times", good)
	}
	for _, bad := range []string{"", "slt_", token, ticket[:20], ticket + "x", strings.Replace(ticket, ".", ".A", 1)} {
		_, err := b.Redeem(ctx, bad)
		family(t, bad, err, coordinator.Unnamed)
	}
	ticket, _, err = a.Ticket(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.keys.Revoke(ctx, k.Prefix, "x"); err != nil {
		t.Fatal(err)
	}
	_, err = a.Redeem(ctx, ticket)
	family(t, "a ticket of a revoked key", err, coordinator.Unnamed)
	_, _, err = a.Ticket(ctx, p)
	family(t, "a new ticket of a revoked key", err, coordinator.Unnamed)
}

// TestTicketTime: a ticket is good for 30 s.
func TestTicketTime(t *testing.T) {
	c, ctx := newClock(), bustest.Context(t)
	d := open(t, bustest.Conn(t, bustest.InProcess), auth.Config{Now: c.now})
	confirm := func() {
		t.Helper()
		if err := d.Confirm(ctx); err != nil {
			t.Fatal(err)
		}
	}
	confirm()
	_, token := d.key(t, "ann", coordinator.Viewer, time.Time{})
	p, err := d.Check(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		after time.Duration
		want  coordinator.Family
	}{{auth.TicketFor - time.Second, ""}, {auth.TicketFor, coordinator.Unnamed}} {
		ticket, _, err := d.Ticket(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		c.add(row.after)
		confirm()
		_, err = d.Redeem(ctx, ticket)
		family(t, row.after.String(), err, row.want)
	}
}

// TestTicketScopes: a ticket has the scopes of who made it, at whatever coordinator, and opens nothing
// without events:read.
func TestTicketScopes(t *testing.T) {
	ctx := bustest.Context(t)
	d := open(t, bustest.Conn(t, bustest.InProcess), auth.Config{})
	if err := d.Confirm(ctx); err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[coordinator.Scope]coordinator.Family{"events:read": "", "jobs:read": coordinator.Forbidden} {
		k, token, err := d.keys.Create(ctx, coordinator.Key{Name: "ann", Role: coordinator.Admin, Scopes: []coordinator.Scope{scope}})
		if err != nil {
			t.Fatal(err)
		}
		bustest.Eventually(t, "the key is known", func() bool { _, err := d.Check(ctx, token); return err == nil })
		p, err := d.Check(ctx, token)
		if err != nil || !slices.Equal(p.Scopes, k.Scopes) || len(p.Scopes) != 1 {
			t.Fatalf("got %+v, %v", p, err)
		}
		ticket, _, err := d.Ticket(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		who, err := d.Redeem(ctx, ticket)
		family(t, string(scope), err, want)
		if err == nil && !reflect.DeepEqual(who, p) {
			t.Errorf("got %+v, want %+v", who, p)
		}
	}
}
