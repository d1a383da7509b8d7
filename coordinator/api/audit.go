package api

import (
	"context"
	"net/http"
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

// reads are the methods that change nothing: what is only looked at is not written down, but
// where it was refused.
func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// note writes down who did, or was refused, what. It never holds up a request for long.
func (s *server) note(h huma.Context, p coordinator.Principal, outcome coordinator.Outcome, reason string) {
	if outcome == coordinator.Allowed && reads(h.Method()) {
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
	err := project.Audit.Write(context.WithoutCancel(h.Context()), coordinator.AuditEntry{At: time.Now().UTC(), Who: p.Name, Role: p.Role, Key: p.Key, Address: h.RemoteAddr(), Origin: h.Header("Origin"),
		Request: requestID(h.Context()), Operation: h.Operation().OperationID, Object: object, Outcome: outcome, Reason: reason})
	if err != nil {
		s.log.Warn("an entry of the audit log was lost", "request", requestID(h.Context()), "err", err)
	}
}
