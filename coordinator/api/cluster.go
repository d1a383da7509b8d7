package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/auth"
)

type workersOut struct {
	Tag  string `header:"ETag"`
	Body struct {
		Workers []coordinator.Worker `json:"workers"`
		Next    string               `json:"next,omitempty" doc:"What after is for those that follow."`
	}
}

type workerIn struct {
	Name string `path:"name" maxLength:"256"`
	Asked
}

type workerOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Worker
}

// workerTag is the weak tag of a worker: when it was heard last is no change.
func workerTag(w coordinator.Worker) (string, error) {
	w.Seen = time.Time{}
	return tagOf(w)
}

func (s *server) workers() {
	route(s, huma.Operation{OperationID: "list-workers", Method: http.MethodGet, Path: "/v1/workers", Summary: "List the workers that are here", Tags: []string{"cluster"}},
		func(_ context.Context, p *Project, in *Paged) (*workersOut, error) {
			out := &workersOut{}
			out.Body.Workers, out.Body.Next = page(*in, p.Fleet.Workers(), func(w coordinator.Worker) string { return w.Name })
			same := out.Body
			same.Workers = each(same.Workers, func(w *coordinator.Worker) { w.Seen = time.Time{} }) // when it was heard last is no change
			var err error
			out.Tag, err = in.tagged(same)
			return out, err
		})
	route(s, huma.Operation{OperationID: "show-worker", Method: http.MethodGet, Path: "/v1/workers/{name}", Summary: "Show a worker with its kinds", Tags: []string{"cluster"}},
		func(_ context.Context, p *Project, in *workerIn) (*workerOut, error) {
			w, err := p.Fleet.Worker(in.Name)
			if err != nil {
				return nil, err
			}
			t, err := workerTag(w)
			if err == nil {
				err = in.fresh(t)
			}
			return &workerOut{t, w}, err
		})
	route(s, huma.Operation{OperationID: "show-self", Method: http.MethodGet, Path: "/v1/self", Summary: "Show who asks", Tags: []string{"cluster"}},
		func(ctx context.Context, _ *Project, _ *struct{}) (*selfOut, error) {
			p := who(ctx)
			out := &selfOut{}
			out.Body.Name, out.Body.Project, out.Body.Role, out.Body.Scopes = p.Name, p.Project, p.Role, p.Scopes
			out.Body.Key, out.Body.Expires, out.Body.Version = p.Key, p.Expires, s.cfg.Version
			return out, nil
		})
}

type selfOut struct {
	Body struct {
		Name    string              `json:"name"`
		Project string              `json:"project"`
		Role    coordinator.Role    `json:"role"`
		Scopes  []coordinator.Scope `json:"scopes,omitempty" doc:"Of the key, which may do nothing else; without any it may all that its role may."`
		Key     string              `json:"key,omitempty" doc:"The prefix of the key."`
		Expires time.Time           `json:"expires,omitzero"`
		Version string              `json:"version" doc:"Of the coordinator."`
	}
}

type keysOut struct {
	Tag  string `header:"ETag"`
	Body struct {
		Keys []coordinator.Key `json:"keys"`
		Next string            `json:"next,omitempty" doc:"What after is for those that follow."`
	}
}

type newKeyIn struct {
	Body struct {
		Name    string           `json:"name" maxLength:"64" doc:"Of who will hold it."`
		Role    coordinator.Role `json:"role" enum:"viewer,operator,author,admin"`
		Scopes  GivenScopes      `json:"scopes,omitempty" minItems:"1" maxItems:"100" doc:"All that it may do of what its role may, as jobs:read; left out, it may all of that."`
		Expires time.Time        `json:"expires,omitzero"`
	}
}

// GivenScopes are scopes of which none is not the same as nothing said: that would be a key with all
// of its role. It is exported for the framework.
type GivenScopes []coordinator.Scope

// UnmarshalJSON implements json.Unmarshaler.
func (s *GivenScopes) UnmarshalJSON(b []byte) error {
	var list []coordinator.Scope
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*s = append(GivenScopes{}, list...) // not nil where it is null
	return nil
}

type newKeyOut struct {
	Body struct {
		coordinator.Key
		Token string `json:"token" doc:"The key itself. It is shown this once."`
	}
}

// KeyPath names a key in a path. It is exported for the framework, which sees no other embedded fields.
type KeyPath struct {
	Prefix string `path:"prefix" maxLength:"32"`
}

type showKeyIn struct {
	KeyPath
	Asked
}

type revokeKeyIn struct {
	KeyPath
	Meant
}

type keyOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Key
}

// shownKey is a key with its tag: when it was used last is no change.
func shownKey(key coordinator.Key) (*keyOut, error) {
	same := key
	same.Used = time.Time{}
	t, err := tagOf(same)
	return &keyOut{t, key}, err
}

func (s *server) keys() {
	tags := []string{"keys"}
	route(s, huma.Operation{OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys", Summary: "List API keys", Tags: tags},
		func(_ context.Context, p *Project, in *Paged) (*keysOut, error) {
			out := &keysOut{}
			out.Body.Keys, out.Body.Next = page(*in, p.Keys.List(), func(k coordinator.Key) string { return newest(k.Created, k.Prefix) })
			same := out.Body
			same.Keys = each(same.Keys, func(k *coordinator.Key) { k.Used = time.Time{} }) // when it was used last is no change
			var err error
			out.Tag, err = in.tagged(same)
			return out, err
		})
	route(s, huma.Operation{OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys", Summary: "Make an API key", Tags: tags, DefaultStatus: http.StatusCreated},
		func(ctx context.Context, p *Project, in *newKeyIn) (*newKeyOut, error) {
			if in.Body.Scopes != nil && len(in.Body.Scopes) == 0 {
				return nil, coordinator.Faultf(coordinator.Invalid, "scopes are none: leave them out for a key that may all that its role may")
			}
			if err := auth.MayGive(who(ctx), in.Body.Scopes); err != nil {
				return nil, err
			}
			key, token, err := p.Keys.Create(ctx, coordinator.Key{Name: in.Body.Name, Role: in.Body.Role, Scopes: in.Body.Scopes, Expires: in.Body.Expires, By: who(ctx).Name})
			out := &newKeyOut{}
			out.Body.Key, out.Body.Token = key, token
			made(ctx, key.Prefix)
			return out, err
		})
	route(s, huma.Operation{OperationID: "show-key", Method: http.MethodGet, Path: "/v1/keys/{prefix}", Summary: "Show an API key, all but the key itself", Tags: tags},
		func(_ context.Context, p *Project, in *showKeyIn) (*keyOut, error) {
			key, err := p.Keys.Show(in.Prefix)
			if err != nil {
				return nil, err
			}
			out, err := shownKey(key)
			if err == nil {
				err = in.fresh(out.Tag)
			}
			return out, err
		})
	route(s, huma.Operation{OperationID: "revoke-key", Method: http.MethodDelete, Path: "/v1/keys/{prefix}", Summary: "Revoke an API key, everywhere within 5 s", Tags: tags, DefaultStatus: http.StatusOK},
		func(ctx context.Context, p *Project, in *revokeKeyIn) (*keyOut, error) {
			key, err := p.Keys.Show(in.Prefix)
			if err != nil {
				return nil, err
			}
			out, err := shownKey(key)
			if err == nil {
				err = in.check("key "+key.Prefix, out.Tag)
			}
			if err == nil {
				key, err = p.Keys.Revoke(ctx, in.Prefix, who(ctx).Name)
			}
			if err != nil {
				return nil, err
			}
			return shownKey(key)
		})
}
