package extract

import (
	"bytes"

	"sluice/nodes"
	"sluice/recipe"
)

// ExtractURLs finds URLs.
var ExtractURLs = nodes.Define(nodes.Spec{
	Kind:     "extract_urls",
	Category: "extract",
	Summary:  "Finds the URLs in a string, a record each",
	Doc: "A URL begins with http://, https://, ftp://, ftps://, ws:// or wss:// (of either case, not inside a word), has a host, and ends before white " +
		"space, a quote, `<`, `>`, `\\`, `^`, `` ` ``, `{`, `|` or `}`. Punctuation at its end belongs to the sentence, and so does a closing " +
		"bracket that the URL did not open. Finds come in their order and as they are written.",
	In:      []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the URLs"}},
	Expands: true,
	Examples: []nodes.Example{
		{
			In:  []any{"see http://a.example/x?q=1, and (https://b.example/y_(z)).", `<a href="ftp://c.example">`},
			Out: []any{"http://a.example/x?q=1", "https://b.example/y_(z)", "ftp://c.example"},
		},
		{In: []any{"http:// www.example.com xhttp://a.example mailto:a@b.example", ""}},
	},
}, newExtractor(findURLs))

var (
	schemes = [][]byte{[]byte("http"), []byte("https"), []byte("ftp"), []byte("ftps"), []byte("ws"), []byte("wss")}
	urlStop = classOf("\"'<>\\^`{|} \x7f")
)

func findURLs(spans []span, text []byte) []span {
	from := 0
	for {
		start, host, ok := nextURL(text, from)
		if !ok {
			return spans
		}
		end := host
		for end < len(text) && text[end] >= ' ' && !urlStop[text[end]] {
			end++
		}
		end = trimSentence(text, host, end)
		spans = append(spans, span{start, end})
		from = end
	}
}

// nextURL returns where the next URL from a place on begins, and its host.
func nextURL(text []byte, from int) (start, host int, ok bool) {
	for {
		k := bytes.Index(text[from:], []byte("://"))
		if k < 0 {
			return 0, 0, false
		}
		colon := from + k
		start := colon
		for start > from && colon-start < 6 && wordByte[text[start-1]] {
			start--
		}
		from = colon + 3
		if isOneOf(schemes, text[start:colon]) && from < len(text) && (alnum[text[from]] || text[from] >= 0x80 || text[from] == '[') {
			return start, from, true
		}
	}
}

func isOneOf(schemes [][]byte, b []byte) bool {
	for _, s := range schemes {
		if bytes.EqualFold(s, b) {
			return true
		}
	}
	return false
}

// trimSentence takes punctuation and brackets that nothing opened off the end.
func trimSentence(text []byte, start, end int) int {
	open := map[byte]byte{')': '(', ']': '['}
	var surplus map[byte]int
	for end > start {
		last := text[end-1]
		switch {
		case bytes.IndexByte([]byte(".,;:!?*"), last) >= 0:
			end--
		case open[last] != 0:
			if surplus == nil {
				surplus = map[byte]int{}
				for close, o := range open {
					surplus[close] = bytes.Count(text[start:end], []byte{close}) - bytes.Count(text[start:end], []byte{o})
				}
			}
			if surplus[last] <= 0 {
				return end
			}
			surplus[last]--
			end--
		default:
			return end
		}
	}
	return end
}
