package extract

import (
	"bytes"
	"net/netip"

	"sluice/nodes"
	"sluice/recipe"
)

// ExtractIPs finds IP addresses.
var ExtractIPs = nodes.Define(nodes.Spec{
	Kind:     "extract_ips",
	Category: "extract",
	Summary:  "Finds the IPv4 and IPv6 addresses in a string, a record each",
	Doc: "Finds come in their order and as they are written. An address stands alone: `v1.2.3.4` and `1.2.3.4.5` hold none. " +
		"A port after an IPv4 address is left out. The address `::`, and one group before it (`1::`) unless the length of a prefix follows (`fe80::/10`), " +
		"are not taken: they are mostly punctuation.",
	In:      []nodes.Port{{Name: "in", Type: recipe.String}},
	Out:     []nodes.Port{{Name: "out", Type: recipe.String, Doc: "the addresses"}},
	Expands: true,
	Examples: []nodes.Example{
		{
			In:  []any{"from 10.0.0.1:22 to [2001:db8::1]:80, via 192.168.1.254.", "none", ""},
			Out: []any{"10.0.0.1", "2001:db8::1", "192.168.1.254"},
		},
		{Doc: "a label, and a prefix", In: []any{"Note 1:: x", "fe80::/10 2001:db8::"}, Out: []any{"fe80::", "2001:db8::"}},
		{
			Doc: "what only looks like one",
			In:  []any{"at 12:30:45 version 1.2.3 v1.2.3.4 1.2.3.4.5 300.1.1.1 std::dead aa:bb:cc:dd:ee:ff"},
		},
	},
}, newExtractor(findIPs))

var addressByte = classOf(digits + "abcdefABCDEF.:")

func findIPs(spans []span, text []byte) []span {
	for i := 0; i < len(text); i++ {
		if !addressByte[text[i]] {
			continue
		}
		start := i
		for i < len(text) && addressByte[text[i]] {
			i++
		}
		end := i
		// A run that is grown together with a word has an address only beyond a colon.
		if start > 0 && wordByte[text[start-1]] {
			k := bytes.IndexByte(text[start:end], ':')
			if k < 0 {
				continue
			}
			start += k + 1
		}
		if end < len(text) && wordByte[text[end]] {
			k := bytes.LastIndexByte(text[start:end], ':')
			if k < 0 {
				continue
			}
			end = start + k
		}
		spans = addressesIn(spans, text, start, end)
	}
	return spans
}

// maxAddress is the length of the longest IPv6 address.
const maxAddress = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")

// addressesIn finds the addresses of a run of digits, dots and colons.
func addressesIn(spans []span, text []byte, start, end int) []span {
	run := text[start:end]
	if bytes.Count(run, []byte(":")) > 1 {
		lo, hi := start, end
		for hi > lo && (text[hi-1] == '.' || hi-lo > 1 && text[hi-1] == ':' && text[hi-2] != ':') {
			hi--
		}
		if hi-lo > 1 && text[lo] == ':' && text[lo+1] != ':' {
			lo++
		}
		if n := hi - lo; n > 2 && n <= maxAddress {
			if a, err := netip.ParseAddr(string(text[lo:hi])); err == nil && a.Is6() && !isLabel(text, lo, hi) {
				return append(spans, span{lo, hi})
			}
		}
	}
	for start <= end {
		stop := end
		if k := bytes.IndexByte(text[start:end], ':'); k >= 0 {
			stop = start + k
		}
		lo, hi := start, stop
		for lo < hi && text[lo] == '.' {
			lo++
		}
		for lo < hi && text[hi-1] == '.' {
			hi--
		}
		if n := hi - lo; n >= len("0.0.0.0") && n <= len("255.255.255.255") {
			if a, err := netip.ParseAddr(string(text[lo:hi])); err == nil && a.Is4() {
				spans = append(spans, span{lo, hi})
			}
		}
		start = stop + 1
	}
	return spans
}

// isLabel reports whether what could be an address is more likely a word or number with
// colons behind it.
func isLabel(text []byte, lo, hi int) bool {
	group, ends := bytes.CutSuffix(text[lo:hi], []byte("::"))
	return ends && bytes.IndexByte(group, ':') < 0 && (hi == len(text) || text[hi] != '/')
}
