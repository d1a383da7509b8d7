package reference

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// Page is what there is to say of one kind.
type Page struct {
	Kind      string    `json:"kind"`
	Version   int       `json:"version"`
	Category  string    `json:"category"`
	Summary   string    `json:"summary"`
	Doc       string    `json:"doc,omitempty"`
	Role      string    `json:"role"` // stateless, ordered, source or sink
	Inputs    []Port    `json:"inputs"`
	Outputs   []Port    `json:"outputs"`
	Settings  []Setting `json:"settings"`
	Notes     []string  `json:"notes,omitempty"`
	Guarantee string    `json:"guarantee,omitempty"`
	Examples  []Example `json:"examples"`
}

// Port is an in- or outlet.
type Port struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Doc      string `json:"doc,omitempty"`
	Optional bool   `json:"optional,omitempty"`
}

// Setting is one setting of the config block.
type Setting struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Doc      string   `json:"doc"`
	Required bool     `json:"required,omitempty"`
	Default  any      `json:"default,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Format   string   `json:"format,omitempty"`
}

// Example is one run of the kind. Records are as a recipe's tests block writes them.
type Example struct {
	Doc    string              `json:"doc,omitempty"`
	Config string              `json:"config,omitempty"` // YAML
	Field  string              `json:"field,omitempty"`
	Into   string              `json:"into,omitempty"`
	In     map[string][]string `json:"in,omitempty"`  // by port
	Out    map[string][]string `json:"out,omitempty"` // by port
	Dead   []string            `json:"dead,omitempty"`
	Files  map[string]string   `json:"files,omitempty"`
	Wrote  map[string]string   `json:"wrote,omitempty"`
	Stdin  string              `json:"stdin,omitempty"`
	Prints string              `json:"prints,omitempty"`
}

// Of returns the page of a kind.
func Of(k *nodes.Kind) Page {
	p := Page{
		Kind: k.Kind, Version: k.Version, Category: k.Category, Summary: k.Summary, Doc: strings.TrimSpace(k.Doc),
		Role: roleName(k.Role), Inputs: ports(k.In, k), Outputs: ports(k.Out, k), Settings: []Setting{},
		Guarantee: k.Guarantee, Notes: notes(k),
	}
	for _, s := range k.Settings() {
		out := Setting{Name: s.Name, Type: s.Type, Doc: s.Doc, Required: !s.HasDefault && !s.Optional,
			Min: s.Min, Max: s.Max, Enum: s.Enum, Format: s.Format}
		if s.HasDefault {
			out.Default = s.Default
		}
		p.Settings = append(p.Settings, out)
	}
	for i := range k.Examples {
		p.Examples = append(p.Examples, example(&k.Examples[i], k))
	}
	return p
}

func roleName(r nodes.Role) string {
	switch r {
	case nodes.Ordered:
		return "ordered"
	case nodes.Origin:
		return "source"
	case nodes.Sink:
		return "sink"
	}
	return "stateless"
}

func ports(list []nodes.Port, k *nodes.Kind) []Port {
	out := []Port{}
	for _, p := range list {
		doc := p.Doc
		if doc == "" {
			doc = sortOf(p.Type)
		}
		out = append(out, Port{Name: p.Name, Type: typeText(p.Type, k), Doc: doc, Optional: p.Optional})
	}
	return out
}

// sortOf says what a port carries of which its kind says no more.
func sortOf(t recipe.Type) string {
	switch t {
	case recipe.Bool:
		return "truth values"
	case recipe.Int:
		return "whole numbers"
	case recipe.Float, recipe.Number:
		return "numbers"
	case recipe.String:
		return "strings"
	case recipe.Bytes:
		return "bytes"
	case recipe.JSON:
		return "JSON values"
	}
	return "values of any type"
}

// typeText writes a type; of a variable also what it can be.
func typeText(t recipe.Type, k *nodes.Kind) string {
	if !t.IsVariable() {
		return string(t)
	}
	if where, ok := k.Where[string(t)]; ok && where != recipe.Any {
		return fmt.Sprintf("%s (%s)", t, where)
	}
	return string(t)
}

func notes(k *nodes.Kind) []string {
	var list []string
	if k.Role == nodes.Ordered {
		list = append(list, "Takes its records in order, one after the other; its state survives crashes.")
	}
	if k.OrderedWith != "" {
		list = append(list, fmt.Sprintf("Takes its records in order when the port %s is wired.", k.OrderedWith))
	}
	switch {
	case k.Scalar():
		list = append(list, "With the node setting `field` it works on that field of JSON records; the answer takes the field's place, or goes into the field that the node setting `into` names.")
	case k.Role != nodes.Origin && k.Role != nodes.Sink:
		list = append(list, "It takes whole records: the node settings `field` and `into` can't be used.")
	}
	if k.AtEnd {
		list = append(list, "Emits when its input has ended.")
	}
	if k.Impure {
		list = append(list, "Asks the outside world; its answers are kept, so that a retry sees the same.")
	}
	for _, v := range slices.Sorted(maps.Keys(k.By)) {
		by := k.By[v]
		for _, value := range slices.Sorted(maps.Keys(by.Types)) {
			list = append(list, fmt.Sprintf("%s is %s when %s is %s.", v, by.Types[value], by.Setting, value))
		}
	}
	return list
}

func example(e *nodes.Example, k *nodes.Kind) Example {
	out := Example{Doc: e.Doc, Config: strings.TrimSpace(e.Config), Field: e.Field, Into: e.Into, Dead: e.Dead,
		Files: e.Files, Wrote: e.Wrote, Stdin: e.Stdin, Prints: e.Console}
	out.In = records(e.In, e.Ins, k.In)
	out.Out = records(e.Out, e.Outs, k.Out)
	return out
}

func records(only []any, byPort map[string][]any, list []nodes.Port) map[string][]string {
	out := map[string][]string{}
	if only != nil && len(list) > 0 {
		out[list[0].Name] = values(only)
	}
	for port, vs := range byPort {
		out[port] = values(vs)
	}
	return out
}

func values(list []any) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = valueText(v)
	}
	return out
}

// valueText writes a record so that its type can be seen: texts in quotes.
func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case []byte:
		return "0x" + fmt.Sprintf("%x", v)
	case nodes.JSON:
		return string(v)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".eIN") {
			text += ".0"
		}
		return text
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
