package recipe_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/recipe"
)

func TestFormat(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"order and indentation", "nodes:\n      b:   {from: [{ttl: 1s, node: a}],   kind: printer}\n      a: {config: {z: 1, a: 2}, kind: x}\nrecipe: r\n",
			"recipe: r\nnodes:\n  b: {kind: printer, from: [{node: a, ttl: 1s}]}\n  a: {kind: x, config: {z: 1, a: 2}}\n"},
		{"comments", "# about\nnodes:\n  # a node\n  a:\n    from: b # the other\n    kind: printer\n# end\n",
			"# about\nnodes:\n  # a node\n  a:\n    kind: printer\n    from: b # the other\n# end\n"},
		{"block texts", "description: |\n   one\n   two\nnodes: {}\n", "description: |\n  one\n  two\nnodes: {}\n"},
		{"JSON", `{"nodes": {"a": {"config": {"x": 1.50}, "kind": "k"}}, "recipe": "r"}`,
			"{\n  \"recipe\": \"r\",\n  \"nodes\": {\n    \"a\": {\n      \"kind\": \"k\",\n      \"config\": {\n        \"x\": 1.50\n      }\n    }\n  }\n}\n"},
		{"ports", "nodes:\n  z: {from: {right: a, left: {capacity: 1, node: b}}, kind: zip}\n",
			"nodes:\n  z: {kind: zip, from: {right: a, left: {node: b, capacity: 1}}}\n"},
		{"settings", "defaults: {ttl: 1s, retry: {backoff: 1s, attempts: 2}, parallel: 1}\nnodes:\n  z: {retry: {backoff: 1s, attempts: 2}, kind: k}\n",
			"defaults: {parallel: 1, retry: {attempts: 2, backoff: 1s}, ttl: 1s}\nnodes:\n  z: {kind: k, retry: {attempts: 2, backoff: 1s}}\n"},
		{"nothing", "# only a comment\n", "# only a comment\n"},
	} {
		got, err := recipe.Format([]byte(row.text))
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if string(got) != row.want {
			t.Errorf("%s: got\n%s\nwant\n%s", row.name, got, row.want)
		}
	}
}

func TestFormatRefuses(t *testing.T) {
	for _, text := range []string{"a: [", "nodes: &a {}\ndefaults: *a\n"} {
		if got, err := recipe.Format([]byte(text)); err == nil {
			t.Errorf("%q: got %q, want an error", text, got)
		}
	}
}

// TestFormatTwice: formatting a random document twice changes nothing the second time,
// and never its meaning.
func TestFormatTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawDocument(t)
		once, err := recipe.Format([]byte(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		twice, err := recipe.Format(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v: once\n%s\ntwice\n%s", err, once, twice)
		}
		before, _ := recipe.Decode("", []byte(text))
		after, _ := recipe.Decode("", once)
		if len(before.Nodes) != len(after.Nodes) {
			t.Fatalf("got %d nodes, want %d", len(after.Nodes), len(before.Nodes))
		}
		for i := range before.Nodes {
			b, a := before.Nodes[i], after.Nodes[i]
			if a.Name != b.Name || a.Kind != b.Kind || len(a.From) != len(b.From) || a.Config.String() != b.Config.String() {
				t.Fatalf("node %d: got %+v, want %+v", i, a, b)
			}
		}
	})
}

// drawDocument writes a document with its fields in any order, in block or flow style,
// with comments where people put them.
func drawDocument(t *rapid.T) string {
	var sections []string
	comment := func(indent string) string {
		if rapid.IntRange(0, 3).Draw(t, "comment") > 0 {
			return ""
		}
		return indent + "# " + rapid.StringMatching(`[a-z:{}'"# -]{0,12}[a-z]`).Draw(t, "text") + "\n"
	}
	text := rapid.SampledFrom([]string{"plain", "'${x} # no'", `"a\tb"`, "12", "true", "null", "'12'", "1e3", "0x1F", "''", "~", "a: b"})
	quoted := func() string {
		if s := text.Draw(t, "value"); s != "a: b" {
			return s
		}
		return "'a: b'"
	}
	var nodes strings.Builder
	nodes.WriteString(comment("") + "nodes:\n")
	n := rapid.IntRange(1, 4).Draw(t, "nodes")
	for i := range n {
		fields := rapid.Permutation([]string{
			"kind: k" + fmt.Sprint(i), "from: [{ttl: 1s, node: a}, b]",
			"config: {b: " + quoted() + ", a: [1, 2.50]}", "retry: {backoff: 1s, attempts: 2}",
		}).Draw(t, "fields")
		nodes.WriteString(comment("    "))
		if rapid.Bool().Draw(t, "flow") {
			fmt.Fprintf(&nodes, "    n%d: {%s}\n", i, strings.Join(fields, ", "))
			continue
		}
		fmt.Fprintf(&nodes, "    n%d:\n", i)
		for _, f := range fields {
			nodes.WriteString(comment("          ") + "          " + f + "\n")
		}
	}
	sections = append(sections, nodes.String(), comment("")+"recipe: r\n", comment("")+"description: "+quoted()+"\n",
		"params:\n  - x\n", comment("")+"tests:\n- expect: {a: [1]}\n  name: x\n")
	return strings.Join(rapid.Permutation(sections).Draw(t, "sections"), "")
}
