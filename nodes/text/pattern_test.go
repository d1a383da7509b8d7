package text

import (
	"bytes"
	"strings"
	"testing"

	"sluice/nodes"
)

func TestPatternsAreBounded(t *testing.T) {
	for name, src := range map[string]string{
		"a megabyte":     strings.Repeat("a", 1<<20),
		"nested repeats": strings.Repeat("(", 8) + "a" + strings.Repeat("{8})", 8),
		"long repeat":    `(?:[a-z]{100}[0-9]{100}){200}`,
		"not a pattern":  "a(",
		"closing first":  "a)|(b",
	} {
		for _, whole := range []bool{true, false} {
			if _, err := compile(src, whole); err == nil {
				t.Errorf("%s, whole %v: got no error", name, whole)
			} else if len(err.Error()) > 300 {
				t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
			}
		}
	}
}

func TestLongRecordsAreRefusedWhereTheyTakeTooLong(t *testing.T) {
	p, err := compileWhole(`(?:a?){40}(?:a|b)*c`)
	if err != nil {
		t.Fatal(err)
	}
	text := append(bytes.Repeat([]byte("ab"), 4<<20), 'c')
	if _, err := p.match(text); !nodes.IsPermanent(err) || !strings.Contains(err.Error(), "too long for a pattern") {
		t.Errorf("got %v, want a permanent error", err)
	}
	if ok, err := p.match(text[len(text)-1001:]); !ok || err != nil {
		t.Errorf("got %v, %v, want a match of a short record", ok, err)
	}
}

func TestUnclosedQuoteMatchesAsAWhole(t *testing.T) {
	w, err := compileWhole(`\Qa.b`)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"a.b": true, "axb": false, "a.b)": false} {
		if got, err := w.match([]byte(text)); got != want || err != nil {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	at := []int{0, 6, 0, 2, 2, 4, 4, 6, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 3}
	for _, row := range []struct {
		in     string
		groups int
		want   string
	}{
		{"$1x", 3, "abx"}, {"$12", 3, "ab2"}, {"$10", 10, "bc"}, {"$$1", 3, "$1"}, {"$x", 3, "$x"}, {"a$", 3, "a$"},
		{"$0!", 0, "abcdef!"}, {"$4.", 4, "."}, {"$01", 1, "ab"}, {"", 0, ""},
	} {
		tpl, err := parseTemplate(row.in, row.groups)
		if err != nil {
			t.Errorf("%q: %v", row.in, err)
			continue
		}
		if got := string(tpl.appendTo(nil, []byte("abcdef"), at)); got != row.want {
			t.Errorf("%q: got %q, want %q", row.in, got, row.want)
		}
	}
	if _, err := parseTemplate("$2", 1); err == nil || !strings.Contains(err.Error(), "$2") {
		t.Errorf("got %v, want an error that names $2", err)
	}
}
