package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/dead"
	"sluice/recipe"
)

type lettersIn struct {
	ID    recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Node  string       `query:"node" maxLength:"256"`
	Free  bool         `query:"free" doc:"Only those that no replay has."`
	After string       `query:"after" maxLength:"256"`
	Limit int          `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type lettersOut struct{ Body coordinator.DeadLetterPage }

type letterIn struct {
	ID     recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Letter string       `path:"letter" maxLength:"256"`
}

type letterOut struct {
	Body *coordinator.DeadLetterWhole
}

type replayIn struct {
	ID   recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Key  string       `header:"Idempotency-Key" maxLength:"128" doc:"The same key and body again are the same replay; another body is refused with 409."`
	Body struct {
		IDs   []string `json:"ids,omitempty" maxItems:"10000" doc:"Without any, all that no replay has."`
		Node  string   `json:"node,omitempty" doc:"Only those of one node."`
		Force bool     `json:"force,omitempty" doc:"Although an ordered step is below, which sees the records late."`
	}
}

type replayOut struct{ Body *dead.Replayed }

type purgeIn struct {
	ID   recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Body struct {
		IDs []string `json:"ids,omitempty" maxItems:"10000" doc:"Without any, all."`
	}
}

type purgeOut struct {
	Body struct {
		Purged int `json:"purged"`
	}
}

func (s *server) dead() {
	tags := []string{"dead letters"}
	route(s, huma.Operation{OperationID: "list-dead", Method: http.MethodGet, Path: "/v1/jobs/{id}/dead", Summary: "List the dead letters of a job", Tags: tags},
		func(ctx context.Context, p *Project, in *lettersIn) (*lettersOut, error) {
			page, err := p.Dead.List(ctx, in.ID, dead.Listing{Node: in.Node, Free: in.Free, After: in.After, Limit: in.Limit})
			return &lettersOut{page}, err
		})
	route(s, huma.Operation{OperationID: "show-dead", Method: http.MethodGet, Path: "/v1/jobs/{id}/dead/{letter}", Summary: "Show a dead letter with its record", Tags: tags},
		func(ctx context.Context, p *Project, in *letterIn) (*letterOut, error) {
			l, err := p.Dead.Show(ctx, in.ID, in.Letter)
			return &letterOut{l}, err
		})
	route(s, huma.Operation{OperationID: "replay-dead", Method: http.MethodPost, Path: "/v1/jobs/{id}/dead/replay", Summary: "Run dead letters once more", Tags: tags, DefaultStatus: http.StatusCreated},
		func(ctx context.Context, p *Project, in *replayIn) (*replayOut, error) {
			done, err := p.Dead.Replay(ctx, dead.Replaying{Job: in.ID, IDs: in.Body.IDs, Node: in.Body.Node, Force: in.Body.Force, Owner: who(ctx).Name, Key: in.Key})
			return &replayOut{done}, err
		})
	route(s, huma.Operation{OperationID: "purge-dead", Method: http.MethodPost, Path: "/v1/jobs/{id}/dead/purge", Summary: "Delete dead letters for good", Tags: tags, DefaultStatus: http.StatusOK},
		func(ctx context.Context, p *Project, in *purgeIn) (*purgeOut, error) {
			job, err := p.Jobs.Job(in.ID)
			if err == nil {
				err = auth.May(who(ctx), "purge-dead", job.Owner)
			}
			out := &purgeOut{}
			if err == nil {
				out.Body.Purged, err = p.Dead.Purge(ctx, in.ID, in.Body.IDs)
			}
			return out, err
		})
}
