package recipe

import (
	"strings"
	"testing"
)

// Any text is a document or has faults with places, and a document can be rendered.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"recipe: a\nnodes:\n  n: {kind: k, config: {a: 1, b: [x, {c: 1.5}], d: \"${p}\"}}\n  m: {kind: k, from: [n, {node: n.x, capacity: 4}]}\n",
		`{"recipe": "a", "nodes": {"n": {"kind": "k", "from": {"in": "x.y"}}}}`,
		"a: &a [*a]", "nodes: {<<: {a: b}}", "recipe: !!binary aGk=", "? [a]\n: b", "- \t- x", "%YAML 1.2\n---\na: b\n---\nc", "\xff\xfe", "a: 0x1_0\nb: .inf\nc: 1e400",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, faults := Decode("r.yaml", text)
		if doc == nil && len(faults) == 0 {
			t.Fatal("neither a document nor a fault")
		}
		for _, d := range faults {
			if s := d.String(); !strings.HasPrefix(s, "r.yaml:") {
				t.Errorf("%q says not where", s)
			}
		}
	})
}

func FuzzParseOrdinal(f *testing.F) {
	for _, s := range []string{"0-0-0", "3-12-1-0.1", "4294967295-18446744073709551615-65535", "1-2", "-", "1-2-3-4.5.6"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := ParseOrdinal(s)
		if err != nil {
			return
		}
		if again, err := ParseOrdinal(o.String()); err != nil || again != o {
			t.Fatalf("%q: got %+v, %v, want %+v", s, again, err, o)
		}
	})
}
