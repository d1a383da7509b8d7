package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
)

type secretsOut struct {
	Body struct {
		Secrets []coordinator.Secret `json:"secrets"`
	}
}

// SecretPath names a secret in a path. It is exported for the framework, which sees no other embedded fields.
type SecretPath struct {
	Secret string `path:"secret" maxLength:"64"`
}

type setSecretIn struct {
	SecretPath
	Body struct {
		Value string `json:"value" minLength:"4" maxLength:"65536" doc:"It is stored encrypted, and never shown."`
	}
}

type secretOut struct{ Body coordinator.Secret }

func (s *server) secrets() {
	tags := []string{"secrets"}
	route(s, huma.Operation{OperationID: "list-secrets", Method: http.MethodGet, Path: "/v1/secrets", Summary: "List the names of secrets", Tags: tags},
		func(_ context.Context, p *Project, _ *struct{}) (*secretsOut, error) {
			out := &secretsOut{}
			out.Body.Secrets = []coordinator.Secret{}
			out.Body.Secrets = append(out.Body.Secrets, p.Secrets.List()...)
			return out, nil
		})
	route(s, huma.Operation{OperationID: "set-secret", Method: http.MethodPut, Path: "/v1/secrets/{secret}", Summary: "Set a secret", Tags: tags},
		func(ctx context.Context, p *Project, in *setSecretIn) (*secretOut, error) {
			set, err := p.Secrets.Set(ctx, in.Secret, in.Body.Value, who(ctx).Name)
			return &secretOut{set}, err
		})
	route(s, huma.Operation{OperationID: "delete-secret", Method: http.MethodDelete, Path: "/v1/secrets/{secret}", Summary: "Delete a secret", Tags: tags, DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, p *Project, in *SecretPath) (*struct{}, error) {
			return nil, p.Secrets.Delete(ctx, in.Secret)
		})
}
