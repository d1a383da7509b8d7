package codec

import (
	"encoding/hex"

	"sluice/nodes"
	"sluice/recipe"
)

// ToHex writes values in hexadecimal.
var ToHex = nodes.Define(nodes.Spec{
	Kind:     "to_hex",
	Category: "codec",
	Summary:  "Writes the bytes of a value's text form as lower-case hexadecimal digits",
	In:       []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"hello", ""}, Out: []any{"68656c6c6f", ""}},
		{Doc: "of a number the decimal digits, as text", In: []any{int64(15)}, Out: []any{"3135"}},
		{In: []any{[]byte{0, 255}}, Out: []any{"00ff"}},
	},
}, func(struct{}, *nodes.Env) (any, error) {
	return &rewriter{rewrite: func(dst, text []byte) ([]byte, error) { return hex.AppendEncode(dst, text), nil }}, nil
})
