package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/nodes"
	"sluice/recipe"
)

func kindOf(k *nodes.Kind) coordinator.Kind {
	ports := func(from []nodes.Port) []coordinator.Port {
		all := []coordinator.Port{}
		for _, p := range from {
			all = append(all, coordinator.Port{Name: p.Name, Type: p.Type})
		}
		return all
	}
	return coordinator.Kind{Kind: k.Kind, Version: max(1, k.Version), Category: k.Category, Summary: k.Summary, Doc: k.Doc, In: ports(k.In), Out: ports(k.Out), Settings: k.ConfigSchema()}
}

type kindsOut struct {
	Tag  string `header:"ETag"`
	Body struct {
		Kinds []coordinator.Kind `json:"kinds"`
		Next  string             `json:"next,omitempty" doc:"What after is for those that follow."`
	}
}

type kindIn struct {
	Kind string `path:"kind" maxLength:"64"`
	Asked
}

type kindOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Kind
}

func (s *server) kinds() {
	route(s, huma.Operation{OperationID: "list-kinds", Method: http.MethodGet, Path: "/v1/kinds", Summary: "List the kinds of nodes", Tags: []string{"kinds"}},
		func(_ context.Context, p *Project, in *Paged) (*kindsOut, error) {
			out := &kindsOut{}
			part, next := page(*in, p.Fleet.Catalogue().All(), func(k *nodes.Kind) string { return k.Kind })
			out.Body.Kinds, out.Body.Next = []coordinator.Kind{}, next
			for _, k := range part {
				out.Body.Kinds = append(out.Body.Kinds, kindOf(k))
			}
			var err error
			out.Tag, err = in.tagged(out.Body)
			return out, err
		})
	route(s, huma.Operation{OperationID: "show-kind", Method: http.MethodGet, Path: "/v1/kinds/{kind}", Summary: "Show a kind", Tags: []string{"kinds"}},
		func(_ context.Context, p *Project, in *kindIn) (*kindOut, error) {
			k, found := p.Fleet.Catalogue().Lookup(in.Kind)
			if !found {
				return nil, p.noKind(in.Kind)
			}
			kind := kindOf(k)
			t, err := in.tagged(kind)
			return &kindOut{t, kind}, err
		})
}

func (p *Project) noKind(name string) error {
	var names []string
	for _, k := range p.Fleet.Catalogue().All() {
		names = append(names, k.Kind)
	}
	f := coordinator.Faultf(coordinator.Unknown, "no such kind: %s", name)
	f.Hint = recipe.DidYouMean(name, names)
	return f
}
