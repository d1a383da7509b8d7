package main

import (
	"encoding/json"

	"sluice/internal/reference"
	"sluice/nodes/all"
	"sluice/recipe"
)

type kindsCmd struct {
	Kind string `arg:"" optional:"" help:"Explain this kind: ports, settings, guarantee, examples."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run lists the kinds by category, or explains one.
func (c kindsCmd) Run(std streams) error {
	catalogue := all.Catalogue()
	enc := json.NewEncoder(std.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if c.Kind == "" {
		if !c.JSON {
			return reference.List(std.out, catalogue)
		}
		pages := []reference.Page{}
		for _, k := range catalogue.All() {
			pages = append(pages, reference.Of(k))
		}
		return enc.Encode(pages)
	}
	k, ok := catalogue.Lookup(c.Kind)
	if !ok {
		if near := recipe.DidYouMean(c.Kind, kindNames()); near != "" {
			return usagef("there is no kind %s; %s", c.Kind, near)
		}
		return usagef("there is no kind %s; sluice kinds lists them", c.Kind)
	}
	if c.JSON {
		return enc.Encode(reference.Of(k))
	}
	return reference.Text(std.out, reference.Of(k))
}

func kindNames() []string {
	var names []string
	for _, k := range all.Catalogue().All() {
		names = append(names, k.Kind)
	}
	return names
}
