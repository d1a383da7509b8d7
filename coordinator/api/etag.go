package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"sluice/coordinator"
)

// Asked is what a request for one thing says of the answer that it knows. It is exported for the framework, which sees no other embedded fields.
type Asked struct {
	None string `header:"If-None-Match" doc:"ETags of answers that are known: one that is the same is 304."`
}

// Meant is what a request that changes one thing says of it. It is exported for the framework.
type Meant struct {
	Match string `header:"If-Match" doc:"The ETag of the thing as you know it: refused with 412 when it was changed meanwhile."`
}

// fresh is the answer 304 to who knows the tag, nil for anybody else.
func (a Asked) fresh(tag string) error {
	if a.None == "" || !sameTag(a.None, tag) {
		return nil
	}
	return &Problem{Status: http.StatusNotModified, tag: tag}
}

// tagged is the weak tag of an answer that has no revision, or the answer 304 to who knows it.
func (a Asked) tagged(v any) (string, error) {
	t, err := tagOf(v)
	if err == nil {
		err = a.fresh(t)
	}
	return t, err
}

// check refuses a change of what is not as who asks knows it.
func (m Meant) check(what, tag string) error {
	if m.Match == "" || sameTag(m.Match, tag) {
		return nil
	}
	return meanwhile(what, tag)
}

// meanwhile is the fault that something has another ETag by now.
func meanwhile(what, tag string) error {
	f := coordinator.Faultf(coordinator.Changed, "%s was changed meanwhile", what)
	f.Hint = "read it again; what is there now has If-Match: " + tag
	return f
}

// strong is the ETag of a revision.
func strong(rev uint64) string { return strconv.Quote(strconv.FormatUint(rev, 36)) }

// tagOf is the weak ETag of what has no revision: it follows from what is shown, v, less what is
// no change.
func tagOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return `W/"` + hex.EncodeToString(sum[:8]) + `"`, nil
}

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

// sameTag reports whether a header If-None-Match, or If-Match, names the ETag.
func sameTag(header, tag string) bool {
	want, _ := bare(tag)
	for one := range strings.SplitSeq(header, ",") {
		if text, ok := bare(one); ok && text == want || strings.TrimSpace(one) == "*" {
			return true
		}
	}
	return false
}
