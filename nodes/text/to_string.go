package text

import (
	"sluice/nodes"
	"sluice/recipe"
)

// ToString turns any record into its text form.
var ToString = nodes.Define(nodes.Spec{
	Kind:     "to_string",
	Category: "text",
	Summary:  "Turns any value into its text form",
	Doc: "A string stays as it is, also one that comes from JSON, which loses its quotes; an int is decimal; a float has the " +
		"fewest digits that read back the same (2, 0.1, 1e+21); a bool is true or false; bytes are taken raw; " +
		"other JSON is compact.",
	In:  []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{int64(42), int64(-7)}, Out: []any{"42", "-7"}},
		{In: []any{2.0, 0.5}, Out: []any{"2", "0.5"}},
		{In: []any{true, false}, Out: []any{"true", "false"}},
		{
			Doc: "a JSON string loses its quotes, other JSON is written as it is",
			In:  []any{nodes.JSON(`"a\nb"`), nodes.JSON(`{"b":1,"a":[9007199254740993]}`)},
			Out: []any{"a\nb", `{"b":1,"a":[9007199254740993]}`},
		},
	},
}, func(struct{}, *nodes.Env) (any, error) { return &toString{}, nil })

type toString struct{ buf []byte }

// Process implements nodes.Processor.
func (t *toString) Process(c *nodes.Call, r nodes.Record) error {
	t.buf = nodes.AppendText(t.buf[:0], r)
	c.Emit(nodes.StringRecord(t.buf))
	return nil
}
