package live

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sluice/coordinator"
)

// refusal is why a request is refused before the upgrade.
type refusal struct {
	status int
	reason string
	after  time.Duration // when to try again, 0 where that is of no use
	who    coordinator.Principal
}

// admit looks at a request in this order: what costs least and tells least comes first, and a
// ticket is taken only when nothing else is in the way. What it returns has to be left.
func (h *Handler) admit(r *http.Request) (*seat, *refusal) {
	_, who := addressOf(r)
	if ok, after := h.cfg.PerAddress.Allow(who); !ok {
		return nil, &refusal{status: http.StatusTooManyRequests, reason: "too many requests of this address", after: after}
	}
	if no := h.safe(r); no != nil {
		return nil, no
	}
	if !h.origins.allow(r) {
		return nil, &refusal{status: http.StatusForbidden, reason: "pages of this origin may not"}
	}
	if no := upgrades(r); no != nil {
		return nil, no
	}
	ticket, no := ticketOf(r)
	if no != nil {
		return nil, no
	}
	s, no := h.enter()
	if no != nil {
		return nil, no
	}
	if no := h.name(r, s, ticket); no != nil {
		s.leave()
		return nil, no
	}
	return s, nil
}

// safe refuses what others can read on its way.
func (h *Handler) safe(r *http.Request) *refusal {
	switch {
	case r.TLS != nil && r.TLS.Version < tls.VersionTLS12:
		return &refusal{status: http.StatusForbidden, reason: "TLS is older than 1.2"}
	case r.TLS == nil && !h.cfg.AllowPlain && !loopback(r):
		return &refusal{status: http.StatusForbidden, reason: "without TLS only from this machine"}
	}
	return nil
}

// upgrades refuses what asks for no WebSocket.
func upgrades(r *http.Request) *refusal {
	switch {
	case r.Method != http.MethodGet:
		return &refusal{status: http.StatusMethodNotAllowed, reason: "a WebSocket is opened by GET"}
	case !hasToken(r, "Connection", "upgrade"), !hasToken(r, "Upgrade", "websocket"):
		return &refusal{status: http.StatusUpgradeRequired, reason: "this is a WebSocket"}
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return &refusal{status: http.StatusBadRequest, reason: "the version of WebSocket is 13"}
	}
	return nil
}

// ticketOf finds the ticket among the subprotocols: the one place that a page can set, and that
// no server writes into its log. Cookies, queries and other headers are not looked at.
func ticketOf(r *http.Request) (string, *refusal) {
	var tickets []string
	speaks := false
	for _, p := range tokens(r, "Sec-WebSocket-Protocol") {
		speaks = speaks || p == Protocol
		if t, ok := strings.CutPrefix(p, TicketPrefix); ok {
			tickets = append(tickets, t)
		}
	}
	switch {
	case len(tickets) != 1, tickets[0] == "", len(tickets[0]) > maxTicket:
		return "", &refusal{status: http.StatusUnauthorized, reason: "no ticket, or not one"}
	case !speaks:
		return "", &refusal{status: http.StatusBadRequest, reason: "the subprotocol is " + Protocol}
	}
	return tickets[0], nil
}

// name says whose a seat is.
func (h *Handler) name(r *http.Request, s *seat, ticket string) *refusal {
	ctx, cancel := context.WithTimeout(r.Context(), redeemWithin)
	defer cancel()
	p, err := h.cfg.Tickets.Redeem(ctx, ticket)
	if err != nil {
		switch coordinator.FamilyOf(err) {
		case coordinator.Unavailable:
			return &refusal{status: http.StatusServiceUnavailable, reason: "the store of tickets does not answer", after: time.Second}
		case coordinator.Unnamed, coordinator.Unknown, coordinator.Invalid:
			return &refusal{status: http.StatusUnauthorized, reason: "the ticket is not good"}
		case coordinator.Forbidden:
			return &refusal{status: http.StatusForbidden, reason: "the ticket's key may not see events", who: p}
		}
		h.log.Error("a ticket was not looked at", "family", string(coordinator.FamilyOf(err))) // the error may quote it
		return &refusal{status: http.StatusUnauthorized, reason: "the ticket could not be looked at"}
	}
	s.source = h.cfg.Source(p.Project)
	switch {
	case !p.Expires.IsZero() && !time.Now().Before(p.Expires):
		return &refusal{status: http.StatusUnauthorized, reason: "the key or token has expired", who: p}
	case !p.Role.Covers(coordinator.Viewer), s.source == nil:
		return &refusal{status: http.StatusForbidden, reason: "may not see the events of a project", who: p}
	}
	if ok, after := h.cfg.PerUser.Allow(userOf(&p)); !ok {
		return &refusal{status: http.StatusTooManyRequests, reason: "this user opens too many sockets", after: after, who: p}
	}
	if !h.sit(s, p) {
		return &refusal{status: http.StatusTooManyRequests, reason: fmt.Sprintf("this user has %d sockets", h.cfg.MaxPerUser), after: time.Second, who: p}
	}
	return nil
}

// userOf is whose rate a principal's sockets count for: all keys of one name share it.
func userOf(p *coordinator.Principal) string { return p.Project + "/" + p.Name }

// tokens returns the words of a header that lists them.
func tokens(r *http.Request, header string) (all []string) {
	for _, v := range r.Header.Values(header) {
		for t := range strings.SplitSeq(v, ",") {
			all = append(all, strings.TrimSpace(t))
		}
	}
	return all
}

func hasToken(r *http.Request, header, token string) bool {
	for _, t := range tokens(r, header) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}
