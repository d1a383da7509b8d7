package extract

import "bytes"

// defangedSchemes are those that defangScheme writes before "://"; it writes "ws[://]".
var defangedSchemes = [][]byte{[]byte("hxxp"), []byte("hxxps"), []byte("fxp"), []byte("fxps")}

// findDefanged finds URLs that were defanged before: what is in them is no find of its own.
func findDefanged(spans []span, text []byte) []span {
	for from := 0; ; {
		k := bytes.Index(text[from:], []byte("://"))
		if k < 0 {
			return spans
		}
		colon := from + k
		end, schemes := colon, defangedSchemes
		from = colon + 3
		if colon > 0 && text[colon-1] == '[' && from < len(text) && text[from] == ']' {
			end, schemes = colon-1, [][]byte{[]byte("ws"), []byte("wss")}
			from++
		}
		start := end
		for start > 0 && end-start < 6 && wordByte[text[start-1]] {
			start--
		}
		if !isOneOf(schemes, text[start:end]) {
			continue
		}
		stop := from
		for stop < len(text) && text[stop] >= ' ' && !urlStop[text[stop]] {
			stop++
		}
		stop = trimSentence(text, from, stop)
		spans = append(spans, span{start, stop})
		from = stop
	}
}

// defangRest completes a URL whose scheme is defanged: the dots of its host that are bare,
// and URLs that it carries.
func defangRest(dst, url []byte) []byte {
	host := bytes.Index(url, []byte("://")) + 3
	end := len(url)
	if k := bytes.IndexAny(url[host:], "/?#"); k >= 0 {
		end = host + k
	}
	dst = append(dst, url[:host]...)
	for i := host; i < end; i++ {
		if url[i] == '.' && url[i-1] != '[' {
			dst = append(dst, "[.]"...)
		} else {
			dst = append(dst, url[i])
		}
	}
	next, _, more := nextURL(url, end)
	if !more {
		return append(dst, url[end:]...)
	}
	return defangURL(append(dst, url[end:next]...), url[next:])
}
