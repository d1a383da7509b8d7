package math

import (
	"bytes"
	"strconv"

	"sluice/nodes"
	"sluice/recipe"
)

var parseFloatKind = nodes.Define(nodes.Spec{
	Kind:     "parse_float",
	Category: "math",
	Summary:  "Reads decimal numbers as floats of 64 bit",
	In:       []nodes.Port{{Name: "in", Type: recipe.String, Doc: "a number such as 1.5, -2 or 1e6"}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.Float, Doc: "the number"}},
	Examples: []nodes.Example{
		{In: []any{"1.5", "-2", "1e6", "one"}, Out: []any{1.5, -2.0, 1e6}, Dead: []string{`"one" is no number`}},
		{Doc: "Finite numbers only", In: []any{"1e400", "NaN", "0.1"}, Out: []any{0.1}, Dead: []string{"passes 64 bit", `"NaN" is no number`}},
	},
}, newParseFloat)

type parseFloat struct{}

func newParseFloat(noConfig, *nodes.Env) (any, error) { return parseFloat{}, nil }

// Process implements nodes.Processor.
func (parseFloat) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Bytes()
	// ParseFloat also reads names (inf, nan) and hexadecimal, which logs do not mean.
	if bytes.ContainsAny(text, "xXiInNpP_") {
		return parseFault(r, "number", strconv.ErrSyntax)
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return parseFault(r, "number", err)
	}
	c.Emit(nodes.FloatRecord(v))
	return nil
}
