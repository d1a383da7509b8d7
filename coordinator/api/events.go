package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/recipe"
)

// streamFor is how long a stream of events may last; a client goes on behind the last one.
const streamFor = time.Hour

type eventsIn struct {
	ID     recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Since  uint64       `query:"since" doc:"Only events behind this id."`
	Follow bool         `query:"follow" doc:"Go on with what comes, until the job is over."`
}

func (s *server) events() {
	route(s, huma.Operation{OperationID: "list-job-events", Method: http.MethodGet, Path: "/v1/jobs/{id}/events", Summary: "What happened to a job, as NDJSON", Tags: []string{"jobs"},
		Metadata: map[string]any{metaWait: streamFor + time.Minute}, Responses: ndjson("Events, one JSON object a line.")},
		func(ctx context.Context, p *Project, in *eventsIn) (*huma.StreamResponse, error) {
			if _, err := p.Jobs.Job(in.ID); err != nil {
				return nil, err
			}
			ask := p.Events.Stored
			lines := events.Lines{MaxFor: streamFor}
			if in.Follow {
				ask, lines.Until, lines.Over = p.Events.Since, events.Final, func() bool { return p.over(in.ID) }
			}
			sub, err := ask(ctx, coordinator.EventFilter{Job: in.ID}, in.Since)
			if err != nil {
				return nil, err
			}
			return &huma.StreamResponse{Body: func(h huma.Context) {
				r, w := streamed(ctx, h)
				if err := events.WriteLines(w, r, sub, lines); err != nil {
					s.log.Debug("a stream of events was cut off", "request", requestID(ctx), "err", err)
				}
			}}, nil
		})
}

// over reports whether a job has ended, or was deleted.
func (p *Project) over(id recipe.JobID) bool {
	job, err := p.Jobs.Job(id)
	return err != nil || job.State.Final()
}

// ndjson describes an answer that is a stream of lines.
func ndjson(text string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: text, Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}}
}
