package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/recipe"
)

// fileOf is what diagnostics call a document.
func fileOf(d *coordinator.Document) string {
	if d.File == "" {
		return "recipe.yaml"
	}
	return d.File
}

func (s *server) options(d *coordinator.Document) compile.Options {
	return compile.Options{Catalogue: s.cfg.Catalogue, Params: d.Params}
}

// refused is the fault of a recipe with diagnostics.
func refused(d recipe.Diagnostics) error {
	f := coordinator.Faultf(coordinator.Refused, "the recipe has %d faults", len(d))
	if len(d) == 1 {
		f.Text = "the recipe has a fault"
	}
	f.Found = d
	return f
}

type documentIn struct{ Body coordinator.Document }

type checkedOut struct{ Body coordinator.Checked }

type plannedOut struct{ Body coordinator.Planned }

func (s *server) recipes() {
	route(s, huma.Operation{OperationID: "check-recipe", Method: http.MethodPost, Path: "/v1/recipes/check", Summary: "Check a recipe", Tags: []string{"recipes"}, DefaultStatus: http.StatusOK},
		func(_ context.Context, _ *Project, in *documentIn) (*checkedOut, error) {
			sum, found := compile.Check(fileOf(&in.Body), []byte(in.Body.Source), s.options(&in.Body))
			if len(found) > 0 {
				return &checkedOut{coordinator.Checked{Diagnostics: found}}, nil
			}
			return &checkedOut{coordinator.Checked{Sound: true, Diagnostics: recipe.Diagnostics{}, Steps: sum.Steps, Edges: sum.Edges}}, nil
		})
	route(s, huma.Operation{OperationID: "plan-recipe", Method: http.MethodPost, Path: "/v1/recipes/plan", Summary: "Compile a recipe", Tags: []string{"recipes"}, DefaultStatus: http.StatusOK},
		func(_ context.Context, _ *Project, in *documentIn) (*plannedOut, error) {
			plan, found := compile.Compile(fileOf(&in.Body), []byte(in.Body.Source), s.options(&in.Body))
			if plan == nil {
				return nil, refused(found)
			}
			return &plannedOut{coordinator.Planned{Plan: plan, Mermaid: plan.Mermaid(), DOT: plan.DOT()}}, nil
		})
}
