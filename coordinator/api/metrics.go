package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
)

// metrics serves the metrics to who has a key. They tell of all projects, so where there are
// several no project's key will do.
func (s *server) metrics() {
	route(s, huma.Operation{OperationID: "show-metrics", Method: http.MethodGet, Path: "/metrics", Summary: "The metrics, as Prometheus reads them", Tags: []string{"cluster"}, Hidden: true},
		func(ctx context.Context, _ *Project, _ *struct{}) (*huma.StreamResponse, error) {
			switch {
			case s.cfg.Metrics == nil:
				return nil, coordinator.Faultf(coordinator.Unknown, "nothing is measured here")
			case len(s.cfg.Projects) > 1:
				f := coordinator.Faultf(coordinator.Forbidden, "the metrics tell of all projects, and a key is good for one")
				f.Hint = "--metrics-listen of the coordinator serves them on an address of their own"
				return nil, f
			}
			return &huma.StreamResponse{Body: func(h huma.Context) {
				r, w := streamed(ctx, h)
				s.cfg.Metrics.ServeHTTP(w, r)
			}}, nil
		})
}
