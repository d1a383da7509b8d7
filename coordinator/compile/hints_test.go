package compile_test

import (
	"fmt"
	"regexp"
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
