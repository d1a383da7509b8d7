package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

type config struct {
	Size  int    `json:"size" doc:"how many" default:"2" min:"1" max:"9"`
	Mode  string `json:"mode" doc:"which | way" enum:"a|b"`
	Where string `json:"where" doc:"a place" optional:"true" format:"path"`
}

// all is one kind that has everything a page can show.
func all() nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: "all_of_it", Category: "flow", Summary: "Does it all", Doc: "More of it.", Role: nodes.Ordered, AtEnd: true, Impure: true,
		In:    []nodes.Port{{Name: "in", Type: "T", Doc: "what goes in"}, {Name: "value", Type: recipe.List(recipe.Int), Optional: true}},
		Out:   []nodes.Port{{Name: "out", Type: recipe.String}},
		Where: map[string]recipe.Type{"T": recipe.Number}, Guarantee: "once",
		Examples: []nodes.Example{
			{Doc: "First.", Config: "size: 3\nmode: a\n", Ins: map[string][]any{"in": {1, 2.0}, "value": {nodes.JSON("[1]")}},
				Out: []any{"x|y", []byte{0xff}, true}, Dead: []string{"not this"}},
			{In: []any{strings.Repeat("long ", 100)}, Files: map[string]string{"f": "text\n"}, Console: "said\n", Stdin: "in\n",
				Wrote: map[string]string{"g": "z"}, Field: "a", Into: "b"},
		},
	}, func(config, *nodes.Env) (any, error) { return nil, errors.New("not built here") })
}

func TestPages(t *testing.T) {
	kind := all()
	other := nodes.Define(nodes.Spec{Kind: "begin", Category: "source", Summary: "Begins", Out: []nodes.Port{{Name: "out", Type: recipe.Int}}, Role: nodes.Origin},
		func(struct{}, *nodes.Env) (any, error) { return nil, errors.New("not built here") })
	catalogue, err := nodes.NewCatalogue([]nodes.Kind{kind, other})
	if err != nil {
		t.Fatal(err)
	}
	long := valueText(strings.Repeat("long ", 100))
	for name, c := range map[string]struct {
		write func(io.Writer) error
		want  string
	}{
		"text": {func(w io.Writer) error { return Text(w, Of(&kind)) }, `all_of_it: Does it all
flow, ordered, version 1

More of it.

Takes its records in order, one after the other; its state survives crashes.

It takes whole records: the node settings ` + "`field` and `into`" + ` can't be used.

Emits when its input has ended.

Asks the outside world; its answers are kept, so that a retry sees the same.

After a crash: once

ports, in
  in     T (number)           what goes in
  value  list<int>, optional  values of any type

ports, out
  out  string  strings

settings
  size   int     how many     default 2; 1 to 9
  mode   string  which | way  required; one of a, b
  where  string  a place      optional; path

example 1: First.
  config: size: 3
          mode: a
  in  in: 1, 2.0
  in  value: [1]
  out "x|y", 0xff, true
  dead letter: …not this…

example 2
  field: a
  into: b
  file f: "text\n"
  stdin: "in\n"
  in  in: ` + long[:300] + `…
  wrote g: "z"
  prints: "said\n"
`},
		"list": {func(w io.Writer) error { return List(w, catalogue) }, `source
  begin  → int  Begins

flow
  all_of_it  T, list<int>? → string  Does it all
`},
		"index": {func(w io.Writer) error { return Index(w, catalogue) }, generated + `# Kinds of nodes

The 2 kinds of this build. ` + "`sluice kinds` lists them, `sluice kinds NAME`" + ` explains one.

## source

| kind | records | what it does |
|---|---|---|
| [begin](begin.md) | → int | Begins |

## flow

| kind | records | what it does |
|---|---|---|
| [all_of_it](all_of_it.md) | T, list&lt;int&gt;? → string | Does it all |
`},
	} {
		var out bytes.Buffer
		if err := c.write(&out); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, out.String(), c.want)
		}
	}
	var page bytes.Buffer
	if err := Markdown(&page, Of(&kind)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# all_of_it\n", "| `value` | in | list&lt;int&gt;, optional |", "| `mode` | string | which \\| way | required; one of a, b |", "out \"x|y\", 0xff, true\ndead letter: …not this…\n```"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("got no %q in\n%s", want, page.String())
		}
	}
}

// TestEveryPageIsJSON is what sluice kinds --json prints.
func TestEveryPageIsJSON(t *testing.T) {
	kind := all()
	text, err := json.Marshal(Of(&kind))
	if err != nil {
		t.Fatal(err)
	}
	var back Page
	if err := json.Unmarshal(text, &back); err != nil || len(back.Settings) != 3 || len(back.Examples) != 2 || back.Settings[1].Required != true {
		t.Errorf("got %+v, %v", back, err)
	}
}
