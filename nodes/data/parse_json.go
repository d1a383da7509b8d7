package data

import (
	"bytes"

	"sluice/nodes"
	"sluice/recipe"
)

// ParseJSON reads strings as JSON.
var ParseJSON = nodes.Define(nodes.Spec{
	Kind:     "parse_json",
	Category: "data",
	Summary:  "Reads a string as one JSON value",
	Doc: "White space between the parts is dropped; the order of keys and every digit of a number stay. A string that is not one JSON value " +
		"is a dead letter that says at which byte it went wrong. Arrays and objects may be nested 1,000 deep. " +
		"A byte order mark before the value is dropped. Strings in it may hold bytes that are not UTF-8: they travel on unchanged.",
	In:  []nodes.Port{{Name: "in", Type: recipe.String}},
	Out: []nodes.Port{{Name: "out", Type: recipe.JSON}},
	Examples: []nodes.Example{
		{
			In:  []any{"\ufeff" + `{ "b": 1, "a": [9007199254740993, 1.50] }`, ` "x" `, "[\"\xff\"]"},
			Out: []any{nodes.JSON(`{"b":1,"a":[9007199254740993,1.50]}`), nodes.JSON(`"x"`), nodes.JSON("[\"\xff\"]")},
		},
		{
			In:   []any{`{"a":}`, `[1,2`, `{} {}`, ``, `[]`, `01`},
			Out:  []any{nodes.JSON(`[]`)},
			Dead: []string{"at offset 5", "too early, at offset 4", "at offset 3", "too early, at offset 0", "at offset 1"},
		},
	},
}, func(struct{}, *nodes.Env) (any, error) { return &parseJSON{}, nil })

type parseJSON struct{ out []byte }

// Process implements nodes.Processor.
func (p *parseJSON) Process(c *nodes.Call, r nodes.Record) error {
	text := bytes.TrimPrefix(r.Bytes(), byteOrderMark)
	if err := nodes.CheckJSON(text); err != nil {
		return err
	}
	p.out = nodes.AppendCompact(p.out[:0], text)
	c.Emit(nodes.JSONRecord(p.out))
	if cap(p.out) > recipe.InlineBytes {
		p.out = nil
	}
	return nil
}
