package data

import (
	"sluice/nodes"
	"sluice/recipe"
)

// ToJSON turns any record into a JSON value.
var ToJSON = nodes.Define(nodes.Spec{
	Kind:     "to_json",
	Category: "data",
	Summary:  "Turns any value into JSON",
	Doc: "A string becomes a JSON string, a number a number, a bool a bool, bytes a string of base64; JSON stays as it is. A string that is not UTF-8 " +
		"and a float that is no number are dead letters. (`parse_json` reads a string that holds JSON; `to_string` writes JSON as a string.)",
	In:  []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out: []nodes.Port{{Name: "out", Type: recipe.JSON}},
	Examples: []nodes.Example{
		{In: []any{`say "hi"`, "", "é"}, Out: []any{nodes.JSON(`"say \"hi\""`), nodes.JSON(`""`), nodes.JSON(`"é"`)}},
		{In: []any{int64(9007199254740993)}, Out: []any{nodes.JSON(`9007199254740993`)}},
		{In: []any{[]byte{0xff}}, Out: []any{nodes.JSON(`"/w=="`)}},
		{In: []any{"a\xff", "b"}, Out: []any{nodes.JSON(`"b"`)}, Dead: []string{"UTF-8"}},
	},
}, func(struct{}, *nodes.Env) (any, error) { return &toJSON{}, nil })

type toJSON struct{ out []byte }

// Process implements nodes.Processor.
func (t *toJSON) Process(c *nodes.Call, r nodes.Record) (err error) {
	if t.out, err = nodes.AppendJSON(t.out[:0], r); err != nil {
		return err
	}
	c.Emit(nodes.JSONRecord(t.out))
	if cap(t.out) > recipe.InlineBytes {
		t.out = nil
	}
	return nil
}
