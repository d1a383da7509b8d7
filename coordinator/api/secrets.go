package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
)

type secretsOut struct {
	Tag  string `header:"ETag"`
	Body struct {
		Secrets []coordinator.Secret `json:"secrets"`
		Next    string               `json:"next,omitempty" doc:"What after is for those that follow."`
	}
}

// SecretPath names a secret in a path. It is exported for the framework, which sees no other embedded fields.
type SecretPath struct {
	Secret string `path:"secret" maxLength:"64"`
}

type setSecretIn struct {
	SecretPath
	Meant
	Body struct {
		Value string `json:"value" minLength:"4" maxLength:"32768" doc:"It is stored encrypted, and never shown."`
	}
}

type showSecretIn struct {
	SecretPath
	Asked
}

type deleteSecretIn struct {
	SecretPath
	Force bool `query:"force" doc:"Although a job that has not ended, or the latest version of a saved recipe, names it."`
	Meant
}

type secretOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Secret
}

// known refuses a secret that is not as who asks knows it.
func (m Meant) known(s coordinator.Secret) error {
	t, err := tagOf(s)
	if err != nil {
		return err
	}
	return m.check("secret "+s.Name, t)
}

func (s *server) secrets() {
	tags := []string{"secrets"}
	route(s, huma.Operation{OperationID: "list-secrets", Method: http.MethodGet, Path: "/v1/secrets", Summary: "List the names of secrets", Tags: tags},
		func(_ context.Context, p *Project, in *Paged) (*secretsOut, error) {
			out := &secretsOut{}
			out.Body.Secrets, out.Body.Next = page(*in, p.Secrets.List(), func(s coordinator.Secret) string { return s.Name })
			var err error
			out.Tag, err = in.tagged(out.Body)
			return out, err
		})
	route(s, huma.Operation{OperationID: "show-secret", Method: http.MethodGet, Path: "/v1/secrets/{secret}", Summary: "Show a secret, all but its value", Tags: tags},
		func(_ context.Context, p *Project, in *showSecretIn) (*secretOut, error) {
			is, err := p.Secrets.Show(in.Secret)
			if err != nil {
				return nil, err
			}
			t, err := in.tagged(is)
			return &secretOut{t, is}, err
		})
	route(s, huma.Operation{OperationID: "set-secret", Method: http.MethodPut, Path: "/v1/secrets/{secret}", Summary: "Set a secret", Tags: tags},
		func(ctx context.Context, p *Project, in *setSecretIn) (*secretOut, error) {
			set, err := p.Secrets.Set(ctx, in.Secret, in.Body.Value, who(ctx).Name, in.known)
			if err != nil {
				return nil, err
			}
			t, err := tagOf(set)
			return &secretOut{t, set}, err
		})
	route(s, huma.Operation{OperationID: "delete-secret", Method: http.MethodDelete, Path: "/v1/secrets/{secret}", Summary: "Delete a secret", Tags: tags, DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, p *Project, in *deleteSecretIn) (*struct{}, error) {
			needed := func() error { return p.Library.NeedsSecret(in.Secret) }
			if in.Force {
				needed = nil
			}
			return nil, p.Secrets.Delete(ctx, in.Secret, in.known, needed)
		})
}
