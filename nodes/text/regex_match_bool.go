package text

import (
	"sluice/nodes"
	"sluice/recipe"
)

// RegexMatchBool says of every string whether it matches a pattern as a whole.
var RegexMatchBool = nodes.Define(nodes.Spec{
	Kind:     "regex_match_bool",
	Category: "text",
	Summary:  "Says whether a string matches a regular expression as a whole",
	Doc:      "The rules and bounds are those of `regex_match`.",
	In:       []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.Bool}},
	Examples: []nodes.Example{
		{
			Config: `regex: '[0-9]+'`,
			In:     []any{"123", "foo123bar", ""},
			Out:    []any{true, false, false},
		},
		{
			Doc:    "flags stand at the beginning",
			Config: `regex: '(?i)get|post'`,
			In:     []any{"GET", "Post", "get it"},
			Out:    []any{true, true, false},
		},
	},
}, newRegexMatchBool)

type regexMatchBool struct{ whole *whole }

func newRegexMatchBool(cfg matchConfig, _ *nodes.Env) (any, error) {
	w, err := compileWhole(cfg.Regex)
	if err != nil {
		return nil, err
	}
	return &regexMatchBool{w}, nil
}

// Process implements nodes.Processor.
func (m *regexMatchBool) Process(c *nodes.Call, r nodes.Record) error {
	ok, err := m.whole.match(r.Bytes())
	if err != nil {
		return err
	}
	c.Emit(nodes.BoolRecord(ok))
	return nil
}
