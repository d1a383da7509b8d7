package api

import (
	"strconv"
	"strings"
)

// packedTag ends the ETag of an answer that is compressed: to a cache it is another one than the
// same answer as it is.
const packedTag = "-gzip"

// bare is what the handlers know of an ETag: without quotes, and without what compression, here or
// on the way, has made of it. ok says that it is one.
func bare(tag string) (text string, ok bool) {
	text, err := strconv.Unquote(strings.TrimPrefix(strings.TrimSpace(tag), "W/"))
	text = strings.TrimSuffix(strings.TrimSuffix(text, packedTag), "-zstd")
	return text, err == nil && strings.HasSuffix(strings.TrimSpace(tag), `"`)
}

// sameTag reports whether a header If-None-Match names the ETag.
func sameTag(header, tag string) bool {
	want, _ := bare(tag)
	for one := range strings.SplitSeq(header, ",") {
		if text, ok := bare(one); ok && text == want || strings.TrimSpace(one) == "*" {
			return true
		}
	}
	return false
}
