package codec

import (
	"sluice/nodes"
	"sluice/recipe"
)

// ToBase64 writes values in base64.
var ToBase64 = nodes.Define(nodes.Spec{
	Kind:     "to_base64",
	Category: "codec",
	Summary:  "Writes the text form of a value in base64",
	In:       []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"hello", "", "a"}, Out: []any{"aGVsbG8=", "", "YQ=="}},
		{Doc: "for URLs", Config: "alphabet: url\npadding: false", In: []any{"\xff\xfe>", "a"}, Out: []any{"__4-", "YQ"}},
		{Doc: "bytes are taken raw", In: []any{[]byte{0, 255}}, Out: []any{"AP8="}},
	},
}, newToBase64)
