package recipe_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sluice/recipe"
)

func TestDecode(t *testing.T) {
	doc, faults := recipe.Decode("r.yaml", []byte(`recipe: r
params:
  a: {doc: first}
  n: {type: int, default: 3}
inputs: {in: {type: number}}
defaults: {parallel: 2, ttl: 1s}
nodes:
  one: {kind: x}
  two:
    kind: y
    from: [one, one.other, {node: one, port: p, capacity: 3}]
    retry: {attempts: 2}
  three: {kind: z, from: {left: one, right: [two, inputs.in]}, field: a.b}
outputs: {out: {from: two}}
ui: {x: 1}
`))
	if faults != nil {
		t.Fatal(faults)
	}
	var b strings.Builder
	for _, p := range doc.Params {
		fmt.Fprintf(&b, "param %s %s %s\n", p.Name, p.Type, p.Default)
	}
	for _, n := range doc.Nodes {
		fmt.Fprintf(&b, "node %s %s at %d:%d\n", n.Name, n.Kind, n.Line, n.Col)
		for _, w := range n.From {
			for _, r := range w.From {
				fmt.Fprintf(&b, "  %q from %s %q %s at %d:%d %s\n", w.Port, r.Node, r.Port, r.Capacity, r.Line, r.Col, r.Path)
			}
		}
	}
	const want = `param a string null
param n int 3
node one x at 8:3
node two y at 9:3
  "" from one "" null at 11:12 nodes.two.from[0]
  "" from one "other" null at 11:17 nodes.two.from[1]
  "" from one "p" 3 at 11:28 nodes.two.from[2]
node three z at 13:3
  "left" from one "" null at 13:33 nodes.three.from.left
  "right" from two "" null at 13:46 nodes.three.from.right[0]
  "right" from inputs "in" null at 13:51 nodes.three.from.right[1]
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if doc.Inputs[0].Type != recipe.Number || doc.Outputs[0].From[0].Node != "two" || doc.Defaults.TTL.Text != "1s" || doc.Nodes[2].Field.Text != "a.b" {
		t.Errorf("got %+v", doc)
	}
}

// TestParseValue: YAML and JSON come to the same values, and JSON stays exact.
func TestParseValue(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{`{"a": "\ud83d\ude00 \/ \\/ \u00e9", "b": [1, 1.50, 1e3, -0, 12345678901234567890123, true, null]}`,
			`{"a":"😀 / \\/ é","b":[1,1.50,1e3,0,12345678901234567890123,true,null]}`},
		{"a: 0x10\nb: 1_000\nc: 2020-01-01\nd: 'x'\ne: yes\nf: TRUE\ng: ~\nh: .5\ni: \"<&>\"\n",
			`{"a":16,"b":1000,"c":"2020-01-01","d":"x","e":"yes","f":true,"g":null,"h":0.5,"i":"<&>"}`},
		{"- &x {a: 1}\n- *x\n", `[{"a":1},{"a":1}]`},
		{"", "null"},
	} {
		v, faults := recipe.ParseValue("", []byte(row.text))
		if faults != nil {
			t.Errorf("%s: %v", row.text, faults)
			continue
		}
		got := string(v.AppendJSON(nil))
		if got != row.want || !json.Valid([]byte(got)) {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
}

func TestParseValueRefuses(t *testing.T) {
	for _, row := range []struct {
		text string
		code recipe.Code
		line int
	}{
		{"a: 1\nb: c: d\n", recipe.CodeSyntax, 2},
		{"a:\n\t- b\n", recipe.CodeSyntax, 2},
		{"a: 1\nb: *c\n", recipe.CodeSyntax, 2},
		{"a: .inf\n", recipe.CodeValue, 1},
		{"? [a]\n: b\n", recipe.CodeValue, 1},
		{"a: !!int x\n", recipe.CodeValue, 1},
		{"a: \xff\n", recipe.CodeSyntax, 1},
		{strings.Repeat(" ", recipe.MaxDocument+1), recipe.CodeTooLarge, 1},
		{"[" + strings.Repeat("a,", 700_000) + "]", recipe.CodeTooLarge, 1},
		{strings.Repeat("- - - - - - - -\n", 80_000), recipe.CodeTooLarge, 1},
		{strings.Repeat("[", 200) + strings.Repeat("]", 200), recipe.CodeTooLarge, 1},
		{strings.Repeat("[", 20_000), recipe.CodeSyntax, 1},
	} {
		_, faults := recipe.ParseValue("f", []byte(row.text))
		if len(faults) != 1 || faults[0].Code != row.code || faults[0].Line != row.line {
			t.Errorf("%.40q: got %v, want one %s in line %d", row.text, faults, row.code, row.line)
		}
	}
}

func TestNearest(t *testing.T) {
	kinds := []string{"md5_hash", "regex_match", "regex_replace", "if", "or", "parse_json"}
	for name, want := range map[string]string{
		"md5hash": "md5_hash", "md5_hsah": "md5_hash", "regexmatch": "regex_match", "fi": "if", "parse_jsn": "parse_json",
		"MD5_HASH": "md5_hash", "REGEX-MATCH": "regex_match", "Md5": "md5_hash", "replace": "regex_replace", "jq": "",
		"kafka": "", "": "", strings.Repeat("x", 1000): "",
	} {
		if got := recipe.Nearest(name, kinds); got != want {
			t.Errorf("Nearest(%.20q): got %q, want %q", name, got, want)
		}
	}
}

func TestValueIs(t *testing.T) {
	for _, row := range []struct {
		text string
		is   []recipe.Type
	}{
		{"1", []recipe.Type{recipe.Int, recipe.Float, recipe.JSON}},
		{"9223372036854775808", []recipe.Type{recipe.Float, recipe.JSON}},
		{"1.5", []recipe.Type{recipe.Float, recipe.JSON}},
		{"x", []recipe.Type{recipe.String, recipe.Bytes, recipe.JSON}},
		{"true", []recipe.Type{recipe.Bool, recipe.JSON}},
		{"[1, 2]", []recipe.Type{recipe.JSON, "list<int>", "list<float>", "list<json>"}},
		{"null", []recipe.Type{recipe.JSON}},
	} {
		v, faults := recipe.ParseValue("", []byte(row.text))
		if faults != nil {
			t.Fatal(faults)
		}
		for _, typ := range []recipe.Type{recipe.Bool, recipe.Int, recipe.Float, recipe.String, recipe.Bytes, recipe.JSON, "list<int>", "list<float>", "list<json>", "list<string>"} {
			want := false
			for _, w := range row.is {
				want = want || w == typ
			}
			if v.Is(typ) != want {
				t.Errorf("%s is %s: got %v, want %v", row.text, typ, !want, want)
			}
		}
	}
}

// TestCodes: the table has each code once, in order, with a sentence.
func TestCodes(t *testing.T) {
	last := recipe.Code("")
	for _, m := range recipe.Codes() {
		if m.Code <= last || !strings.HasSuffix(m.Text, ".") {
			t.Errorf("%s after %s: %q", m.Code, last, m.Text)
		}
		last = m.Code
	}
}
