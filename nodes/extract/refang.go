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
	Doc: "`hxxp` and `fxp` before `:` or `[:` (with an s, too; `hXXp`, `hxtp`, `htxp` and `h**p` as well) become `http` and `ftp`; `.`, `:`, `@`, `/`, `://` and a scheme before `://` " +
		"lose square, round or curly brackets around them; a dot inside of a word loses a bracket that is not closed, or was not opened, and a `\\` before it; " +
		"`dot` and `at` in such brackets become `.` and `@` where no white space is beside them. Nothing else is taken back: words without brackets (`example dot com`, `_dot_`), " +
		"addresses with white space in them and other schemes (`meow://`) stay.",
	In:  []nodes.Port{{Name: "in", Type: recipe.String}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String}},
	Examples: []nodes.Example{
		{
			In:  []any{"hxxps://www[.]example[.]com/a", "bob[@]mail(dot)example{.}org", "2001[:]db8[:][:]1", "fxp[://]10[.]0[.]0[.]1"},
			Out: []any{"https://www.example.com/a", "bob@mail.example.org", "2001:db8::1", "ftp://10.0.0.1"},
		},
		{
			Doc: "the ways of others",
			In:  []any{"hXXps://a[.com/x h**p://b.]com", "hxtp://c\\.com [http]://d.com, http[:]//e.com", "HXXP://F[.]COM"},
			Out: []any{"https://a.com/x http://b.com", "http://c.com http://d.com, http://e.com", "HTTP://F.COM"},
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
			if dst, n = refangBracket(dst, text, i); n == 0 {
				dst, n = refangDot(dst, text, i)
			}
		case '.', '\\':
			dst, n = refangDot(dst, text, i)
		}
		if n == 0 {
			dst = append(dst, text[i])
			n = 1
		}
		i += n
	}
	return dst
}

// refangScheme reads hxxp, hxxps, fxp, fxps or their like at the beginning of text and
// returns how many bytes it took, or 0.
func refangScheme(dst, text []byte) ([]byte, int) {
	n := defangedScheme(text)
	if n == 0 {
		return dst, 0
	}
	rest := bytes.TrimLeft(text[n:min(n+2, len(text))], "[({")
	if !bytes.HasPrefix(rest, []byte(":")) {
		return dst, 0
	}
	for i, b := range text[:n] {
		switch {
		case i == 0 || b != 'x' && b != 'X' && b != '*':
		case b == 'X' && text[0] < 'a': // all of it is in upper case
			b = 'T'
		default:
			b = 't'
		}
		dst = append(dst, b)
	}
	return dst, n
}

// defangedScheme returns the length of the scheme that text begins with, if it is one
// whose t was replaced.
func defangedScheme(text []byte) int {
	n := 1
	for n < len(text) && bytes.IndexByte([]byte("xXtT*"), text[n]) >= 0 {
		n++
	}
	want := 3
	if text[0] == 'f' || text[0] == 'F' {
		want = 2
	}
	if n != want || n == len(text) || text[n] != 'p' && text[n] != 'P' || len(bytes.Trim(text[1:n], "tT")) == 0 {
		return 0
	}
	if n++; n < len(text) && (text[n] == 's' || text[n] == 'S') {
		n++
	}
	return n
}

// refangDot reads a dot inside of a word that has half a pair of brackets or a backslash
// at i, and returns how many bytes it took, or 0.
func refangDot(dst, text []byte, i int) ([]byte, int) {
	if i == 0 || i+2 >= len(text) || !alnum[text[i-1]] || !alnum[text[i+2]] {
		return dst, 0
	}
	switch a, b := text[i], text[i+1]; {
	case b == '.' && (a == '\\' || a == '[' || a == '(' || a == '{'), a == '.' && (b == ']' || b == ')' || b == '}'):
		return append(dst, '.'), 2
	}
	return dst, 0
}

// refangBracket reads a sign in brackets at i and returns how many bytes it took, or 0.
func refangBracket(dst, text []byte, i int) ([]byte, int) {
	closing := map[byte]byte{'[': ']', '(': ')', '{': '}'}[text[i]]
	inside := text[i+1 : min(i+8, len(text))]
	k := bytes.IndexByte(inside, closing)
	if k < 1 {
		return dst, 0
	}
	inside = inside[:k]
	switch string(bytes.ToLower(inside)) {
	case ".", ":", "@", "/", "://":
		return append(dst, inside...), k + 2
	case "http", "https", "ftp", "ftps", "hxxp", "hxxps", "fxp", "fxps":
		if !bytes.HasPrefix(text[i+k+2:], []byte("://")) {
			return dst, 0
		}
		if defanged, n := refangScheme(dst, append(bytes.Clone(inside), ':')); n > 0 {
			return defanged, k + 2
		}
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
