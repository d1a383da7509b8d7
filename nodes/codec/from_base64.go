package codec

import (
	"sluice/nodes"
	"sluice/recipe"
)

// FromBase64 reads base64.
var FromBase64 = nodes.Define(nodes.Spec{
	Kind:     "from_base64",
	Category: "codec",
	Summary:  "Reads a string of base64",
	Doc:      "Line ends inside are skipped; any other character that is not of the alphabet makes the record a dead letter. The result may hold any bytes.",
	In:       []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"aGVsbG8=", "", "YQ=="}, Out: []any{"hello", "", "a"}},
		{Config: "alphabet: url\npadding: false", In: []any{"__4-", "YQ"}, Out: []any{"\xff\xfe>", "a"}},
		{In: []any{"YQ==", "Y!==", "YQ"}, Out: []any{"a"}, Dead: []string{"at offset 1", "not base64"}},
	},
}, newFromBase64)
