package text

import (
	"bytes"

	"sluice/nodes"
	"sluice/recipe"
)

// Trim cuts white space off both ends of strings.
var Trim = nodes.Define(nodes.Spec{
	Kind:     "trim",
	Category: "text",
	Summary:  "Cuts white space, or given characters, off both ends of a string",
	In:       []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"  a b\t", "", " \n"}, Out: []any{"a b", "", ""}},
		{Config: `characters: '"'`, In: []any{`"quoted" `, `"both"`}, Out: []any{`quoted" `, "both"}},
	},
}, func(cfg trimConfig, _ *nodes.Env) (any, error) { return &trim{cfg.Characters}, nil })

type trimConfig struct {
	Characters string `json:"characters" doc:"characters to cut instead of white space" default:""`
}

type trim struct{ characters string }

// Process implements nodes.Processor.
func (t *trim) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Bytes()
	if t.characters == "" {
		text = bytes.TrimSpace(text)
	} else {
		text = bytes.Trim(text, t.characters)
	}
	c.Emit(nodes.StringRecord(text))
	return nil
}
