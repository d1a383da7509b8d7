package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/recipe"
)

type resultsIn struct {
	ID   recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Node string       `query:"node" maxLength:"256" doc:"The sink; may be left out where the job has one that keeps records: printers keep none."`
}

type ticketOut struct {
	Body struct {
		Ticket string    `json:"ticket" doc:"Good for one socket: /v1/events takes it as the subprotocol ticket.TICKET."`
		Until  time.Time `json:"until"`
	}
}

func (s *server) results() {
	route(s, huma.Operation{OperationID: "show-results", Method: http.MethodGet, Path: "/v1/jobs/{id}/results", Summary: "The records that a sink of a job has written, as NDJSON", Tags: []string{"jobs"},
		Metadata: map[string]any{metaWait: transferFor}, Responses: ndjson("Records, one JSON value a line.")},
		func(ctx context.Context, p *Project, in *resultsIn) (*huma.StreamResponse, error) {
			spec, err := p.Jobs.Spec(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			step, err := sinkOf(spec, in.Node)
			if err != nil {
				return nil, err
			}
			if _, err := p.Files.Of(in.ID, step.ID); err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(h huma.Context) {
				r, w := copied(ctx, h)
				late := &lateHeader{w: w}
				err := p.Files.Records(ctx, late, in.ID, step)
				switch {
				case err != nil && !late.wrote:
					s.writeProblem(w, r, s.problemOf(ctx, err))
				case err != nil:
					s.log.Debug("results were cut off", "request", requestID(ctx), "err", err)
					panic(http.ErrAbortHandler) // the reader must not take them for whole
				default:
					_, _ = late.Write(nil)
				}
			}}, nil
		})
	route(s, huma.Operation{OperationID: "create-ticket", Method: http.MethodPost, Path: "/v1/tickets", Summary: "Make a ticket for one WebSocket", Tags: []string{"cluster"}, DefaultStatus: http.StatusCreated},
		func(ctx context.Context, _ *Project, _ *struct{}) (*ticketOut, error) {
			out := &ticketOut{}
			var err error
			out.Body.Ticket, out.Body.Until, err = s.cfg.Auth.Ticket(ctx, who(ctx))
			return out, err
		})
}

// lateHeader says that an answer is lines when the first is there.
type lateHeader struct {
	w     http.ResponseWriter
	wrote bool
}

// Write implements io.Writer.
func (l *lateHeader) Write(b []byte) (int, error) {
	if !l.wrote {
		l.wrote = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	return l.w.Write(b)
}

// sinkOf finds the sink of a job that is meant: where none is named, the one that keeps records.
func sinkOf(spec *coordinator.Spec, node string) (*recipe.Step, error) {
	var names, keep []string
	var found *recipe.Step
	for i := range spec.Plan.Steps {
		step := &spec.Plan.Steps[i]
		if !step.Sink {
			continue
		}
		names = append(names, step.Node)
		if step.Kind != recipe.KindPrinter {
			keep = append(keep, step.Node)
		}
		if step.Node == node || node == "" && step.Kind != recipe.KindPrinter {
			found = step
		}
	}
	switch {
	case len(names) == 0:
		return nil, coordinator.Faultf(coordinator.Unknown, "job %s has no sink", spec.Job)
	case node != "" && found == nil:
		f := coordinator.Faultf(coordinator.Unknown, "job %s has no sink %s", spec.Job, node)
		f.Hint = recipe.DidYouMean(node, names)
		return nil, f
	case node == "" && len(keep) > 1:
		return nil, coordinator.Faultf(coordinator.Invalid, "job %s has several sinks: name one of %s", spec.Job, strings.Join(keep, ", "))
	case found == nil || found.Kind == recipe.KindPrinter:
		what := cmp.Or(node, strings.Join(names, ", "))
		f := coordinator.Faultf(coordinator.Unknown, "job %s: %s only prints, and a printer keeps no records", spec.Job, what)
		f.Hint = fmt.Sprintf("what it printed is in its events: sluice logs %s", spec.Job)
		return nil, f
	}
	return found, nil
}
