package library

import (
	"strings"
	"testing"
)

// TestCache keeps what was used last, within its bound.
func TestCache(t *testing.T) {
	c := newCache(100)
	doc := func(n int) *document { return &document{Source: strings.Repeat("x", n)} }
	c.put("a", doc(40))
	c.put("b", doc(40))
	c.put("large", doc(101))
	if c.get("a") == nil || c.get("large") != nil {
		t.Error("got what is too large, or lost what is not")
	}
	c.put("c", doc(40))
	if c.get("b") != nil || c.get("a") == nil || c.get("c") == nil {
		t.Error("what was not used for longest is not what went")
	}
	if c.bytes != 80 || c.order.Len() != 2 || len(c.byKey) != 2 {
		t.Errorf("got %d bytes in %d documents, want 80 in 2", c.bytes, c.order.Len())
	}
}

// TestDigest: no two documents with other files or paths have one digest.
func TestDigest(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range []document{{}, {Source: "ab"}, {Source: "a", Files: map[string]string{"b": ""}}, {Source: "a", Files: map[string]string{"": "b"}},
		{Source: "a", Files: map[string]string{"b": "c", "d": ""}}, {Source: "a", Files: map[string]string{"b": "", "c": "d"}}} {
		if sum := d.digest(); seen[sum] {
			t.Errorf("%+v has the digest of another", d)
		} else {
			seen[sum] = true
		}
	}
}
