package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/compile"
)

type edgeIn struct {
	Body struct {
		From coordinator.EdgeEnd `json:"from"`
		To   coordinator.EdgeEnd `json:"to"`
	}
}

type edgeOut struct{ Body coordinator.EdgeVerdict }

func (s *server) edges() {
	route(s, huma.Operation{OperationID: "check-edge", Method: http.MethodPost, Path: "/v1/edges/check", Summary: "Check whether two ports may be joined", Tags: []string{"kinds"}, DefaultStatus: http.StatusOK},
		func(ctx context.Context, p *Project, in *edgeIn) (*edgeOut, error) {
			_, end, err := p.Library.Turn(ctx)
			if err != nil {
				return nil, err
			}
			defer end()
			from, err := p.end(in.Body.From)
			if err != nil {
				return nil, err
			}
			to, err := p.end(in.Body.To)
			if err != nil {
				return nil, err
			}
			v, err := compile.CheckEdge(from, to)
			if err != nil {
				return nil, coordinator.Faultf(coordinator.Unknown, "%w", err)
			}
			return &edgeOut{coordinator.EdgeVerdict{Legal: v.Legal, Type: v.Type, Why: v.Why, Hint: v.Hint}}, nil
		})
}

// end finds the kind of an end and checks its settings.
func (p *Project) end(e coordinator.EdgeEnd) (compile.EdgeEnd, error) {
	k, found := p.Fleet.Catalogue().Lookup(e.Kind)
	if !found {
		return compile.EdgeEnd{}, p.noKind(e.Kind)
	}
	out := compile.EdgeEnd{Kind: k, Port: e.Port}
	if e.Config != nil {
		config, err := json.Marshal(e.Config)
		if err != nil {
			return out, coordinator.Faultf(coordinator.Invalid, "settings of %s: %w", e.Kind, err)
		}
		out.Config = config
	}
	return out, nil
}
