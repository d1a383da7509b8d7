package main

import (
	"strings"
	"testing"
)

// TestUpTwice: a second sluice up says whose context it takes, or keeps one of its own; a context can
// be forgotten; and nobody else stores in the folder of one that runs.
func TestUpTwice(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"r.yaml": "recipe: r\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  out: {kind: printer, from: n}\n"})
	first := f.up("")
	if text := first.errs.String(); strings.Contains(text, "context local") {
		t.Errorf("the first one says %q", text)
	}
	if r := f.must(3, "", "run r.yaml --data-dir data"); !strings.Contains(r.errs, "another process is using the folder") {
		t.Errorf("run in the folder: got %q", r.errs)
	}
	second := f.start("up --data-dir other --listen 127.0.0.1:0 --context-name other")
	second.until("sluice is up: ")
	second.until("context other is kept, and local is the current one")
	third := f.start("up --data-dir third --listen 127.0.0.1:0")
	third.until("sluice is up: ")
	third.until("context local was that of " + first.address())
	f.steps([]step{
		{"context remove nope", "", 3, "", "no context nope"},
		{"context remove local", "", 0, "", "context local is forgotten"},
		{"jobs", "", 3, "", "sluice context NAME picks one of other"},
		{"context other", "", 0, "", ""},
		{"context", "", 0, "other", ""},
		{"jobs", "", 0, "", ""},
	})
	if r := f.must(0, "", "context"); strings.Contains(r.out, "local") {
		t.Errorf("got %q", r.out)
	}
}
