package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator/tap"
	"sluice/recipe"
)

type tapIn struct {
	ID    recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	At    string       `query:"at" required:"true" minLength:"1" maxLength:"512" doc:"What is tapped: NODE, NODE.PORT, an included recipe, or the id of an edge."`
	Limit int          `query:"limit" minimum:"0" maximum:"1000000000" doc:"Records, at most; 0 is no bound."`
	For   int          `query:"for" minimum:"0" maximum:"3600" doc:"Seconds, at most; 0 is an hour."`
}

func (s *server) taps() {
	route(s, huma.Operation{OperationID: "tap-edge", Method: http.MethodGet, Path: "/v1/jobs/{id}/tap", Summary: "The records that pass an edge of a job from now on, as NDJSON", Tags: []string{"jobs"},
		Metadata: map[string]any{metaWait: tap.MaxFor + time.Minute, metaShare: tapShare}, Responses: ndjson("Lines that are each a JSON object with one of `start`, `record`, `gap`, `heartbeat` and `end`.")},
		func(ctx context.Context, p *Project, in *tapIn) (*huma.StreamResponse, error) {
			open, err := p.Taps.Open(ctx, in.ID, in.At)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, open.Close)
			return &huma.StreamResponse{Body: func(h huma.Context) {
				r, w := streamed(ctx, h)
				if err := open.Write(w, r, tap.Stream{Records: in.Limit, For: time.Duration(in.For) * time.Second}); err != nil {
					s.log.Debug("a tap was cut off", "request", requestID(ctx), "err", err)
				}
			}}, nil
		})
}
