package codec

import (
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// URLEncode percent-encodes values.
var URLEncode = nodes.Define(nodes.Spec{
	Kind:     "url_encode",
	Category: "codec",
	Summary:  "Percent-encodes the text form of a value, so that it can be a part of a URL",
	Doc:      "All bytes are written as % and two digits but letters, digits and `-._~` (RFC 3986, section 2.3).",
	In:       []nodes.Port{{Name: "in", Type: recipe.Any}},
	Out:      []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{In: []any{"a b&c=d/é", ""}, Out: []any{"a%20b%26c%3Dd%2F%C3%A9", ""}},
		{Doc: "as forms do it", Config: "plus: true", In: []any{"a b+c"}, Out: []any{"a+b%2Bc"}},
	},
}, func(cfg urlConfig, _ *nodes.Env) (any, error) {
	return &rewriter{rewrite: func(dst, text []byte) ([]byte, error) { return urlEncode(dst, text, cfg.Plus), nil }}, nil
})

type urlConfig struct {
	Plus bool `json:"plus" doc:"whether + stands for a space, as in forms" default:"false"`
}

func urlEncode(dst, text []byte, plus bool) []byte {
	const digits = "0123456789ABCDEF"
	for _, b := range text {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', strings.IndexByte("-._~", b) >= 0:
			dst = append(dst, b)
		case b == ' ' && plus:
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', digits[b>>4], digits[b&15])
		}
	}
	return dst
}
