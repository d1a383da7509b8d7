package codec

import (
	"sluice/nodes"
	"sluice/recipe"
)

// URLDecode reads percent-encoding.
var URLDecode = nodes.Define(nodes.Spec{
	Kind:     "url_decode",
	Category: "codec",
	Summary:  "Replaces every % and two digits of a string by their byte",
	Doc:      "A % without two hexadecimal digits after it makes the record a dead letter. The result may hold any bytes.",
	In:       []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"a%20b%26c%3dd%2F%C3%A9", "1+1", ""}, Out: []any{"a b&c=d/é", "1+1", ""}},
		{Config: "plus: true", In: []any{"a+b%2Bc"}, Out: []any{"a b+c"}},
		{In: []any{"100%", "%41", "a%4g"}, Out: []any{"A"}, Dead: []string{"at offset 3", "at offset 1"}},
	},
}, func(cfg urlConfig, _ *nodes.Env) (any, error) {
	return &rewriter{rewrite: func(dst, text []byte) ([]byte, error) { return urlDecode(dst, text, cfg.Plus) }}, nil
})

func urlDecode(dst, text []byte, plus bool) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case b == '+' && plus:
			b = ' '
		case b == '%':
			if i+2 >= len(text) {
				return nil, nodes.Permanentf("the %% at offset %d is not followed by two hexadecimal digits", i)
			}
			hi, ok1 := digit(text[i+1])
			lo, ok2 := digit(text[i+2])
			if !ok1 || !ok2 {
				return nil, nodes.Permanentf("the %% at offset %d is not followed by two hexadecimal digits", i)
			}
			b = hi<<4 | lo
			i += 2
		}
		dst = append(dst, b)
	}
	return dst, nil
}
