package compile_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sluice/coordinator/compile"
	"sluice/nodes"
	"sluice/recipe"
)

// TestHintsFit does what a hint says, for every pair of types that do not suit each other:
// the kind that it names makes the edge legal.
func TestHintsFit(t *testing.T) {
	types := []string{"bool", "int", "float", "string", "bytes", "json", "list<string>"}
	var kinds []nodes.Kind
	for i, typ := range types {
		kinds = append(kinds, kind[none](fmt.Sprintf("gives_%d", i), nodes.Origin, nil, ports("out", typ)),
			kind[none](fmt.Sprintf("takes_%d", i), nodes.Sink, ports("in", typ), nil))
	}
	o := compile.Options{Catalogue: mixed(t, kinds)}
	named := regexp.MustCompile(`put (.*) between them`)
	hints := 0
	for i, from := range types {
		for j, to := range types {
			text := fmt.Sprintf("nodes:\n  a: {kind: gives_%d}\n  b: {kind: takes_%d, from: %%s}\n", i, j)
			_, ds := compile.Compile("r.yaml", fmt.Appendf(nil, text, "a"), o)
			if len(ds) == 0 || ds[0].Code != recipe.CodeMismatch {
				continue
			}
			m := named.FindStringSubmatch(ds[0].Hint)
			if m == nil {
				continue
			}
			hints++
			if _, ds := compile.Compile("r.yaml", fmt.Appendf(nil, text+"  c: {kind: %s, from: a}\n", "c", m[1]), o); ds != nil {
				t.Errorf("%s to %s, with %s between them: %v", from, to, m[1], ds)
			}
		}
	}
	if hints < 10 {
		t.Errorf("%d hints were tried", hints)
	}
}

// TestRefusedLanguages: what is no program of its language is told at the setting's value,
// also when only the constructor finds it.
func TestRefusedLanguages(t *testing.T) {
	for config, kind := range map[string]string{
		`{expr: 'record.('}`: "filter", `{expr: 'nothing(record)'}`: "map", `{query: '.a['}`: "select", `{query: 'now'}`: "select",
		`{regex: '\pL{1000}\pL{1000}\pL{1000}'}`: "regex_match", `{regex: '('}`: "regex_match",
	} {
		line := "  b: {kind: " + kind + ", from: a, config: " + config + "}"
		from := map[bool]string{true: "lines", false: "json_lines"}[kind == "regex_match"]
		text := "nodes:\n  a: {kind: file_reader, config: {path: x, format: " + from + "}}\n" + line + "\n"
		_, ds := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: mixed(t, nil)})
		if len(ds) != 1 || ds[0].Line != 3 || ds[0].Col != strings.Index(line, ": '")+3 {
			t.Errorf("%s: got %v, want one fault at the value", config, ds)
		}
	}
}
