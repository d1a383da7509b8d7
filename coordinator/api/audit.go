package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
)

type auditIn struct {
	Who       string              `query:"who" maxLength:"128"`
	Key       string              `query:"key" maxLength:"32" doc:"The prefix of a key."`
	Operation string              `query:"operation" maxLength:"64"`
	Object    string              `query:"object" maxLength:"128"`
	Outcome   coordinator.Outcome `query:"outcome" enum:"allowed,refused,failed,lost"`
	Since     time.Time           `query:"since"`
	Until     time.Time           `query:"until"`
	Before    uint64              `query:"before" doc:"The next of the page before."`
	Limit     int                 `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type auditOut struct{ Body coordinator.AuditPage }

func (s *server) audit() {
	route(s, huma.Operation{OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit", Summary: "List who did, or was refused, what; newest first", Tags: []string{"audit"}},
		func(ctx context.Context, p *Project, in *auditIn) (*auditOut, error) {
			page, err := p.Audit.List(ctx, coordinator.AuditFilter{Who: in.Who, Key: in.Key, Operation: in.Operation, Object: in.Object, Outcome: in.Outcome,
				Since: in.Since, Until: in.Until, Before: in.Before, Limit: in.Limit})
			return &auditOut{page}, err
		})
}

// looks are the operations that change nothing, though a body is sent along.
var looks = []string{"check-recipe", "check-edge", "plan-recipe"}

// reads reports whether an operation changes nothing: what is only looked at is not written down,
// but where it was refused.
func reads(o *huma.Operation) bool {
	return o.Method == http.MethodGet || o.Method == http.MethodHead || slices.Contains(looks, o.OperationID)
}

// anyOperation is what stands in the log for who was refused before it was looked at what was
// asked for; socketOperation where it was a socket.
const (
	anyOperation    = "any"
	socketOperation = "open-events"
)

// turnedAway writes down who was refused before it was known who asks.
func (s *server) turnedAway(r *http.Request, reason string) {
	operation := anyOperation
	if r.URL.Path == socketPath {
		operation = socketOperation
	}
	s.write(r.Context(), s.first(), coordinator.AuditEntry{Address: r.RemoteAddr, Origin: r.Header.Get("Origin"), Operation: operation, Outcome: coordinator.Denied, Reason: reason})
}

// note writes down who did, or was refused, what. It never holds up a request for long.
func (s *server) note(h huma.Context, p coordinator.Principal, outcome coordinator.Outcome, reason string) {
	if outcome == coordinator.Allowed && reads(h.Operation()) {
		return
	}
	project := s.cfg.Projects[p.Project]
	if project == nil {
		project = s.first()
	}
	object := h.Param("id")
	for _, name := range []string{"name", "prefix", "secret"} {
		if v := h.Param(name); v != "" {
			object = v
		}
	}
	if made := aboutOf(h.Context()).object; made != "" {
		object = made
	}
	s.write(h.Context(), project, coordinator.AuditEntry{Who: p.Name, Role: p.Role, Key: p.Key, Address: h.RemoteAddr(), Origin: h.Header("Origin"),
		Operation: h.Operation().OperationID, Object: object, Outcome: outcome, Reason: reason})
}

func (s *server) write(ctx context.Context, p *Project, e coordinator.AuditEntry) {
	e.At, e.Request = time.Now().UTC(), requestID(ctx)
	if err := p.Audit.Write(context.WithoutCancel(ctx), e); err != nil {
		s.log.Warn("an entry of the audit log was lost", "request", e.Request, "err", err)
	}
}
