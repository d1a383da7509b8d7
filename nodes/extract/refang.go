package extract

import (
	"bytes"

	"sluice/nodes"
	"sluice/recipe"
)

// Refang takes defanging back.
var Refang = nodes.Define(nodes.Spec{
	Kind:     "refang",
	Category: "extract",
	Summary:  "Makes defanged addresses in a string whole again",
	Doc: "`hxxp` and `fxp` before `:` or `[:` (with an s, too) become `http` and `ftp`; `.`, `:`, `@`, `/` and `://` lose square, round or curly brackets around them; " +
		"`dot` and `at` in such brackets become `.` and `@` where no white space is beside them.",
	In:  []nodes.Port{{Name: "in", Type: recipe.String}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{
			In:  []any{"hxxps://www[.]example[.]com/a", "bob[@]mail(dot)example{.}org", "2001[:]db8[:][:]1", "fxp[://]10[.]0[.]0[.]1"},
			Out: []any{"https://www.example.com/a", "bob@mail.example.org", "2001:db8::1", "ftp://10.0.0.1"},
		},
		{
			Doc: "what is not defanged stays",
			In:  []any{"meet (at) noon, hxxp is a word, a[1] [..]", ""},
			Out: []any{"meet (at) noon, hxxp is a word, a[1] [..]", ""},
		},
	},
}, func(struct{}, *nodes.Env) (any, error) { return &refang{}, nil })

type refang struct{ out []byte }

// Process implements nodes.Processor.
func (n *refang) Process(c *nodes.Call, r nodes.Record) error {
	n.out = appendRefanged(n.out[:0], r.Bytes())
	c.Emit(nodes.StringRecord(n.out))
	if cap(n.out) > recipe.InlineBytes {
		n.out = nil
	}
	return nil
}

func appendRefanged(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		var n int
		switch text[i] {
		case 'h', 'H', 'f', 'F':
			if i == 0 || !wordByte[text[i-1]] {
				dst, n = refangScheme(dst, text[i:])
			}
		case '[', '(', '{':
			dst, n = refangBracket(dst, text, i)
		}
		if n == 0 {
			dst = append(dst, text[i])
			n = 1
		}
		i += n
	}
	return dst
}

// refangScheme reads hxxp, hxxps, fxp or fxps at the beginning of text and returns how
// many bytes it took, or 0.
func refangScheme(dst, text []byte) ([]byte, int) {
	n := 0
	switch {
	case len(text) > 4 && bytes.EqualFold(text[:4], []byte("hxxp")):
		n = 4
	case len(text) > 3 && bytes.EqualFold(text[:3], []byte("fxp")):
		n = 3
	default:
		return dst, 0
	}
	if text[n] == 's' || text[n] == 'S' {
		n++
	}
	rest := bytes.TrimLeft(text[n:min(n+2, len(text))], "[({")
	if !bytes.HasPrefix(rest, []byte(":")) {
		return dst, 0
	}
	for _, b := range text[:n] {
		if b == 'x' || b == 'X' {
			b -= 'x' - 't'
		}
		dst = append(dst, b)
	}
	return dst, n
}

// refangBracket reads a sign in brackets at i and returns how many bytes it took, or 0.
func refangBracket(dst, text []byte, i int) ([]byte, int) {
	closing := map[byte]byte{'[': ']', '(': ')', '{': '}'}[text[i]]
	inside := text[i+1 : min(i+5, len(text))]
	k := bytes.IndexByte(inside, closing)
	if k < 1 {
		return dst, 0
	}
	inside = inside[:k]
	switch string(bytes.ToLower(inside)) {
	case ".", ":", "@", "/", "://":
		return append(dst, inside...), k + 2
	case "dot":
		inside = []byte(".")
	case "at":
		inside = []byte("@")
	default:
		return dst, 0
	}
	if after := i + k + 2; i == 0 || after == len(text) || text[i-1] <= ' ' || text[after] <= ' ' {
		return dst, 0
	}
	return append(dst, inside...), k + 2
}
