package codec

import (
	"encoding/hex"

	"sluice/nodes"
	"sluice/recipe"
)

// FromHex reads hexadecimal.
var FromHex = nodes.Define(nodes.Spec{
	Kind:     "from_hex",
	Category: "codec",
	Summary:  "Reads a string of hexadecimal digits, of either case",
	Doc:      "Two digits are a byte; anything else makes the record a dead letter. The result may hold any bytes.",
	In:       []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"68656c6c6f", "", "4A4b"}, Out: []any{"hello", "", "JK"}},
		{In: []any{"zz", "61", "616"}, Out: []any{"a"}, Dead: []string{"'z' at offset 0", "odd number"}},
	},
}, func(struct{}, *nodes.Env) (any, error) { return &rewriter{rewrite: fromHex}, nil })

func fromHex(dst, text []byte) ([]byte, error) {
	for i, b := range text {
		if _, ok := digit(b); !ok {
			return nil, nodes.Permanentf("%q at offset %d is not a hexadecimal digit", rune(b), i)
		}
	}
	if len(text)%2 != 0 {
		return nil, nodes.Permanentf("the string has %d digits, an odd number; a byte has two", len(text))
	}
	out, err := hex.AppendDecode(dst, text)
	return out, nodes.Permanent(err)
}

// digit returns the value of a hexadecimal digit.
func digit(b byte) (byte, bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10, true
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}
