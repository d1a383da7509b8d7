package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"sluice/coordinator"
)

// TicketFor is how long a ticket is good.
const TicketFor = 30 * time.Second

// A ticket is slt_SECRET.PROJECT, both in base64url: a word that may stand in the header
// Sec-WebSocket-Protocol. It is kept in the store, and not signed: that it is used once, at
// whatever coordinator, needs a place that all of them share, and the store is one.
const ticketStart = "slt_"

// ticketRecord is a ticket as it is stored, under the digest of its secret.
type ticketRecord struct {
	Name    string              `json:"name"`
	Role    coordinator.Role    `json:"role"`
	Scopes  []coordinator.Scope `json:"scopes,omitempty"`
	Key     string              `json:"key,omitempty"`
	Expires time.Time           `json:"expires,omitzero"` // of the principal
	Until   time.Time           `json:"until"`            // of the ticket
}

// Ticket makes a ticket by which a principal opens one socket, at any coordinator, within
// TicketFor.
func (a *Auth) Ticket(ctx context.Context, p coordinator.Principal) (ticket string, until time.Time, err error) {
	d := a.desks[p.Project]
	if d == nil {
		return "", until, errUnnamed
	}
	if p.Key != "" {
		d.keys.confirm(ctx)
	}
	if !a.good(&p) {
		return "", until, errUnnamed
	}
	var secret [secretSize]byte
	rand.Read(secret[:])
	until = a.cfg.Now().Add(TicketFor).UTC()
	rec := ticketRecord{Name: p.Name, Role: p.Role, Scopes: p.Scopes, Key: p.Key, Expires: p.Expires, Until: until}
	if _, err := d.tickets.CreateFor(ctx, ticketKey(secret[:]), &rec, TicketFor); err != nil {
		return "", until, err
	}
	return ticketStart + strict.EncodeToString(secret[:]) + "." + strict.EncodeToString([]byte(p.Project)), until, nil
}

func ticketKey(secret []byte) string {
	digest := sha256.Sum256(secret)
	return hex.EncodeToString(digest[:])
}

// opens is the operation that a ticket is for.
const opens = "open-events"

// Redeem takes a ticket and tells whose it is. Nobody gets it again. The principal is one that may
// open a socket (with one that may not the fault is coordinator.Forbidden), and whose key is still good; [Auth.Watch] tells when it is not any more.
func (a *Auth) Redeem(ctx context.Context, ticket string) (coordinator.Principal, error) {
	project, key, ok := parseTicket(ticket)
	d := a.desks[project]
	if !ok || d == nil {
		return coordinator.Principal{}, errTicket
	}
	rec, err := d.tickets.Take(ctx, key)
	switch {
	case coordinator.FamilyOf(err) == coordinator.Unknown:
		return coordinator.Principal{}, errTicket
	case err != nil:
		return coordinator.Principal{}, err
	}
	if rec.Key != "" {
		d.keys.confirm(ctx)
	}
	p := coordinator.Principal{Name: rec.Name, Project: project, Role: rec.Role, Scopes: rec.Scopes, Key: rec.Key, Expires: rec.Expires}
	switch {
	case !a.cfg.Now().Before(rec.Until):
		return coordinator.Principal{}, errTicket
	case p.Key != "" && !d.keys.fresh():
		return coordinator.Principal{}, errStale
	case !a.good(&p):
		return coordinator.Principal{}, coordinator.Faultf(coordinator.Unnamed, "the ticket's key or token has ended")
	}
	return p, May(p, opens, "")
}

var errTicket = coordinator.Faultf(coordinator.Unnamed, "the ticket is not good: it serves once, for %v", TicketFor)

func parseTicket(ticket string) (project, key string, ok bool) {
	rest, found := strings.CutPrefix(ticket, ticketStart)
	text, name, cut := strings.Cut(rest, ".")
	if !found || !cut || len(text) != strict.EncodedLen(secretSize) || len(name) > 400 {
		return "", "", false
	}
	secret, err := strict.DecodeString(text)
	p, perr := strict.DecodeString(name)
	return string(p), ticketKey(secret), err == nil && perr == nil
}
