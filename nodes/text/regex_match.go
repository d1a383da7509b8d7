package text

import (
	"sluice/nodes"
	"sluice/recipe"
)

// RegexMatch passes the strings that match a pattern as a whole.
var RegexMatch = nodes.Define(nodes.Spec{
	Kind:     "regex_match",
	Category: "text",
	Summary:  "Passes the strings that match a regular expression as a whole",
	Doc: "The whole string must match: `[0-9]+` does not pass `foo123bar`, `.*[0-9]+.*` does. The syntax is that of " +
		"Go's regexp package; `.` does not match a line's end unless the pattern begins with `(?s)`. " +
		"A pattern may have 64 KiB and 20,000 instructions, and a record 2^28 / instructions bytes; " +
		"literals with `.*` between them have no such bound.",
	In:  []nodes.Port{{Name: "in", Type: recipe.String}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the strings that matched, unchanged"}},
	Examples: []nodes.Example{
		{
			Doc:    "the whole string has to match",
			Config: `regex: '[0-9]+'`,
			In:     []any{"123", "foo123bar", "", "7"},
			Out:    []any{"123", "7"},
		},
		{
			Config: `regex: '.*Failed password.*'`,
			In: []any{
				"sshd[1]: Failed password for root from 10.0.0.1 port 22 ssh2",
				"sshd[1]: Accepted password for root from 10.0.0.1 port 22 ssh2",
			},
			Out: []any{"sshd[1]: Failed password for root from 10.0.0.1 port 22 ssh2"},
		},
		{
			Doc:    "a trailing line's end belongs to the string",
			Config: `regex: 'abc$'`,
			In:     []any{"abc", "abc\n"},
			Out:    []any{"abc"},
		},
	},
}, newRegexMatch)

type matchConfig struct {
	Regex string `json:"regex" doc:"regular expression that the whole string must match" format:"regex" max:"65536"`
}

type regexMatch struct{ whole *whole }

func newRegexMatch(cfg matchConfig, _ *nodes.Env) (any, error) {
	w, err := compileWhole(cfg.Regex)
	if err != nil {
		return nil, err
	}
	return &regexMatch{w}, nil
}

// Process implements nodes.Processor.
func (m *regexMatch) Process(c *nodes.Call, r nodes.Record) error {
	ok, err := m.whole.match(r.Bytes())
	if ok {
		c.Emit(r)
	}
	return err
}
