package extract

import (
	"bytes"
	"strings"

	"golang.org/x/net/publicsuffix"

	"sluice/nodes"
	"sluice/recipe"
)

// ExtractDomains finds domain names.
var ExtractDomains = nodes.Define(nodes.Spec{
	Kind:     "extract_domains",
	Category: "extract",
	Summary:  "Finds the domain names in a string, a record each",
	Doc: "A domain name is two or more labels of letters, digits, `-` and `_` (63 bytes each, 253 together) with a dot between them, that ends with a suffix of " +
		"the public suffix list as of this build and is longer than it: `example.co.uk` is one, `co.uk` and `setup.exe` are not. Names inside " +
		"URLs and e-mail addresses count. Names beyond ASCII are found in their `xn--` form only. Finds come in their order and as they are written.",
	In:      []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the names"}},
	Expands: true,
	Examples: []nodes.Example{
		{
			In:  []any{"GET https://www.Example.com/a from mail.example.co.uk.", "bob@xn--bcher-kva.example.org"},
			Out: []any{"www.Example.com", "mail.example.co.uk", "xn--bcher-kva.example.org"},
		},
		{Doc: "no public suffix, or nothing before it", In: []any{"setup.exe co.uk 10.0.0.1 1.5 com host.invalid", ""}},
	},
}, newExtractor(findDomains))

var nameByte = classOf(letters + digits + "-_.")

func findDomains(spans []span, text []byte) []span {
	for i := 0; i < len(text); i++ {
		if !nameByte[text[i]] {
			continue
		}
		start := i
		for i < len(text) && nameByte[text[i]] {
			i++
		}
		if start > 0 && text[start-1] >= 0x80 || i < len(text) && text[i] >= 0x80 {
			continue
		}
		lo, hi := trimBytes(text, start, i, ".-")
		if isName(text[lo:hi]) && hasPublicSuffix(text[lo:hi]) {
			spans = append(spans, span{lo, hi})
		}
	}
	return spans
}

func trimBytes(text []byte, lo, hi int, cut string) (int, int) {
	for lo < hi && strings.IndexByte(cut, text[lo]) >= 0 {
		lo++
	}
	for lo < hi && strings.IndexByte(cut, text[hi-1]) >= 0 {
		hi--
	}
	return lo, hi
}

// isName reports whether b is two or more labels with dots between them.
func isName(b []byte) bool {
	if len(b) > 253 {
		return false
	}
	labels := 0
	for rest, more := b, true; more; labels++ {
		var label []byte
		label, rest, more = bytes.Cut(rest, []byte("."))
		if n := len(label); n == 0 || n > 63 || label[0] == '-' || label[n-1] == '-' {
			return false
		}
	}
	return labels > 1
}

func hasPublicSuffix(b []byte) bool {
	name := strings.ToLower(string(b))
	suffix, icann := publicsuffix.PublicSuffix(name)
	// Without an entry of the list the answer is the last label, as it is.
	return len(suffix) < len(name) && (icann || strings.Contains(suffix, "."))
}
