package extract

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"sluice/nodes"
	"sluice/recipe"
)

// ExtractEmails finds e-mail addresses.
var ExtractEmails = nodes.Define(nodes.Spec{
	Kind:     "extract_emails",
	Category: "extract",
	Summary:  "Finds the e-mail addresses in a string, a record each",
	Doc: "An address is up to 64 bytes of letters (of the Latin, Greek or Cyrillic script), digits, `.`, `_`, `%`, `+`, `-` and, behind a letter or digit, `'` (no dot at the ends, " +
		"no two together), an `@`, and a name of two or more labels, " +
		"the last of two or more letters. Quoted local parts and bare host names are not found. Finds come in their order and as they are written.",
	In:      []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the addresses"}},
	Expands: true,
	Examples: []nodes.Example{
		{
			In:  []any{"From: Bob <bob.b+x@mail.example.org>, to=al@example.com.", "mailto:c@corp.local"},
			Out: []any{"bob.b+x@mail.example.org", "al@example.com", "c@corp.local"},
		},
		{
			Doc: "beyond ASCII, and with an apostrophe", In: []any{"müller@example.de, o'brien@x.org", "'bob@x.org' 请联系al@x.org"},
			Out: []any{"müller@example.de", "o'brien@x.org", "bob@x.org", "al@x.org"},
		},
		{In: []any{"root@localhost a..b@ @example.com git@10.0.0.1", ""}},
	},
}, newExtractor(findEmails))

var localByte = classOf(letters + digits + "._%+-")

func findEmails(spans []span, text []byte) []span {
	from := 0
	for {
		k := bytes.IndexByte(text[from:], '@')
		if k < 0 {
			return spans
		}
		at := from + k
		lo := at
		for lo > from && at-lo <= 64 {
			n := localBefore(text[from:lo])
			if n == 0 {
				break
			}
			lo -= n
		}
		hi := at + 1
		for hi < len(text) && nameByte[text[hi]] {
			hi++
		}
		next := hi
		local := bytes.TrimLeft(text[lo:at], ".")
		_, hi = trimBytes(text, at+1, hi, ".-_")
		if isLocal(local) && hi > at+1 && isMailHost(text[at+1:hi]) {
			spans = append(spans, span{at - len(local), hi})
		} else {
			next = at + 1
		}
		from = next
	}
}

// localBefore returns the bytes of the sign that text ends with, 0 when a local part does
// not go on there. What is left of a longer word would be the address of somebody else.
func localBefore(text []byte) int {
	last := text[len(text)-1]
	switch {
	case localByte[last]:
		return 1
	case last == '\'' && len(text) > 1 && (alnum[text[len(text)-2]] || text[len(text)-2] >= utf8.RuneSelf):
		return 1
	case last < utf8.RuneSelf:
		return 0
	}
	if r, n := utf8.DecodeLastRune(text); unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Mn) {
		return n
	}
	return 0
}

func isLocal(b []byte) bool {
	n := len(b)
	return n > 0 && n <= 64 && b[n-1] != '.' && !bytes.Contains(b, []byte(".."))
}

func isMailHost(b []byte) bool {
	last := b[bytes.LastIndexByte(b, '.')+1:]
	if !isName(b) || len(last) < 2 {
		return false
	}
	if bytes.HasPrefix(last, []byte("xn--")) {
		return true
	}
	for _, c := range last {
		if !alnum[c] || '0' <= c && c <= '9' {
			return false
		}
	}
	return true
}
