package main

import (
	"strings"
	"testing"
)

// TestReasonsAreTrue counts with a text the letters that have it, and tells those with other values apart.
func TestReasonsAreTrue(t *testing.T) {
	for _, c := range []struct {
		letters, want string
		more          bool
	}{
		{`"a" "b" "c" "2x"`, `dead: n: "a" is no integer, and 3 more like it`, false},
		{`"a" "a" "a"`, `dead: n: "a" is no integer (×3)`, false},
		{`"a"`, `dead: n: "a" is no integer (×1)`, false},
		{`"a" "b" "a"`, `dead: n: "a" is no integer (×2), and 1 more like it`, false},
		{`"a" "a"`, `dead: n: "a" is no integer (at least ×2)`, true},
		{`"a" "b"`, `dead: n: "a" is no integer, and at least 1 more like it`, true},
	} {
		all := counting{more: c.more}
		for _, value := range strings.Fields(c.letters) {
			all.count("n", value+" is no integer")
		}
		var out strings.Builder
		all.reasons().print(&out, "here")
		if got, _, _ := strings.Cut(out.String(), "\n"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.letters, got, c.want)
		}
	}
}
