package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/recipe"
)

func sourceOf(d *coordinator.Document) (library.Source, error) {
	return library.Sent(d.File, d.Source, d.Files)
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

// maxTold is how many diagnostics one answer tells.
const maxTold = 200

// firstOf returns the first of many diagnostics: nobody reads the rest, which may be a hundred megabytes.
func firstOf(d recipe.Diagnostics) recipe.Diagnostics { return d[:min(len(d), maxTold)] }

type documentIn struct{ Body coordinator.Document }

type checkedOut struct{ Body coordinator.Checked }

type plannedOut struct{ Body coordinator.Planned }

func (s *server) recipes() {
	route(s, huma.Operation{OperationID: "check-recipe", Method: http.MethodPost, Path: "/v1/recipes/check", Summary: "Check a recipe", Tags: []string{"recipes"}, DefaultStatus: http.StatusOK},
		func(ctx context.Context, p *Project, in *documentIn) (*checkedOut, error) {
			source, err := sourceOf(&in.Body)
			if err != nil {
				return nil, err
			}
			sum, found, err := p.Library.Check(ctx, source)
			if err != nil {
				return nil, err
			}
			if len(found) > 0 {
				return &checkedOut{coordinator.Checked{Diagnostics: firstOf(found)}}, nil
			}
			return &checkedOut{coordinator.Checked{Sound: true, Diagnostics: recipe.Diagnostics{}, Steps: sum.Steps, Edges: sum.Edges}}, nil
		})
	route(s, huma.Operation{OperationID: "plan-recipe", Method: http.MethodPost, Path: "/v1/recipes/plan", Summary: "Compile a recipe", Tags: []string{"recipes"}, DefaultStatus: http.StatusOK},
		func(ctx context.Context, p *Project, in *documentIn) (*plannedOut, error) {
			source, err := sourceOf(&in.Body)
			if err != nil {
				return nil, err
			}
			plan, found, err := p.Library.Compile(ctx, source, in.Body.Params, 0)
			if err != nil {
				return nil, err
			}
			if len(found) > 0 {
				return nil, refused(found)
			}
			return &plannedOut{coordinator.Planned{Plan: plan, Mermaid: plan.Mermaid(), DOT: plan.DOT()}}, nil
		})
}
