package main

import (
	"io"

	"sluice/internal/reference"
	"sluice/nodes/all"
	"sluice/recipe"
)

type kindsCmd struct {
	Words []string `arg:"" optional:"" name:"kind" help:"list, or show KIND: ports, settings, guarantee, examples. KIND alone is shown too."`
	textFlags
}

// kind returns the kind to be shown, "" for the list.
func (c kindsCmd) kind() (string, error) {
	switch words := c.Words; {
	case len(words) == 0, len(words) == 1 && words[0] == "list":
		return "", nil
	case len(words) == 1 && words[0] != "show":
		return words[0], nil
	case len(words) == 2 && words[0] == "show":
		return words[1], nil
	}
	return "", usagef("kinds takes list, show KIND, or KIND")
}

// Run lists the kinds by category, or explains one.
func (c kindsCmd) Run(std streams) error {
	catalogue := all.Catalogue()
	name, err := c.kind()
	if err != nil {
		return err
	}
	if name == "" {
		pages := []reference.Page{}
		for _, k := range catalogue.All() {
			pages = append(pages, reference.Of(k))
		}
		return c.print(std.out, pages, func(w io.Writer) error { return reference.List(w, catalogue) })
	}
	k, ok := catalogue.Lookup(name)
	if !ok {
		if near := recipe.DidYouMean(name, kindNames()); near != "" {
			return usagef("there is no kind %s; %s", name, near)
		}
		return usagef("there is no kind %s; sluice kinds lists them", name)
	}
	page := reference.Of(k)
	return c.print(std.out, page, func(w io.Writer) error { return reference.Text(w, page) })
}

func kindNames() []string {
	var names []string
	for _, k := range all.Catalogue().All() {
		names = append(names, k.Kind)
	}
	return names
}
