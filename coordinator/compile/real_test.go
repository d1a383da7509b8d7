package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
	"sluice/recipe"
)

// TestTypesOfKinds follows the types through kinds whose settings or wires decide them.
func TestTypesOfKinds(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"  a: {kind: file_reader, config: {path: x}}\n  b: {kind: parse_int, from: a}\n", "a:string b:int"},
		{"  a: {kind: file_reader, config: {path: x, format: json_lines}}\n  b: {kind: sample, from: a, config: {rate: 0.5}}\n", "a:json b:json"},
		{"  a: {kind: integer_generator}\n  b: {kind: rolling_average, from: a, config: {values_to_keep: 2}}\n", "a:int b:int"},
		{"  a: {kind: integer_generator}\n  b: {kind: rolling_average, from: a, config: {values_to_keep: 2, float: true}}\n", "a:int b:float"},
		{"  a: {kind: file_reader, config: {path: x, format: json_lines}}\n  b: {kind: rolling_average, field: n, from: a, config: {values_to_keep: 2}}\n", "a:json b:json(number→number)"},
		{"  a: {kind: file_reader, config: {path: x, format: json_lines}}\n  b: {kind: parse_int, field: n, into: m, from: a}\n", "a:json b:json(string→int)"},
		{"  a: {kind: integer_generator}\n  b: {kind: pairwise_product, from: a}\n", "a:int b:int"},
		{"  a: {kind: string_generator}\n  b: {kind: pairwise_product, from: a}\n", "SL301"},
		{"  a: {kind: integer_generator}\n  b: {kind: and, from: a, config: {values_to_keep: 2}}\n", "SL301"},
		{"  a: {kind: printer, from: b}\n  b: {kind: file_reader, config: {path: x}, from: a}\n", "SL205"},
	} {
		plan, ds := compile.Compile("r.yaml", []byte("nodes:\n"+row.text), compile.Options{Catalogue: all.Catalogue()})
		got := ""
		if ds != nil {
			got = string(ds[0].Code)
		} else {
			checkPlan(t, plan)
			got = outTypes(plan)
		}
		if got != row.want {
			t.Errorf("%s: got %s, want %s %v", row.text, got, row.want, ds)
		}
	}
}

func outTypes(p *recipe.Plan) string {
	var parts []string
	for _, s := range p.Steps {
		text := s.Node + ":" + string(s.Outputs[0].Type)
		if s.Field != "" {
			text += fmt.Sprintf("(%s→%s)", s.FieldType, s.IntoType)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// TestOrderedWith: wiring a port can make a stateless kind an ordered one.
func TestOrderedWith(t *testing.T) {
	const head = "nodes:\n  n: {kind: file_reader, config: {path: x, format: json_lines}}\n  w: {kind: file_reader, config: {path: y}}\n  b: {kind: given_bool, from: w}\n"
	for from, want := range map[string]string{"b": "relay bool", "{in: b, value: n}": "ordered json"} {
		kinds := append(testKinds(), kind[none]("given_bool", 0, ports("in", "string"), ports("out", "bool")))
		plan, ds := compile.Compile("r.yaml", []byte(head+"  i: {kind: if, from: "+from+"}\n"), compile.Options{Catalogue: mixed(t, kinds)})
		if ds != nil {
			t.Fatal(ds)
		}
		checkPlan(t, plan)
		last := plan.Steps[len(plan.Steps)-1]
		if got := fmt.Sprintf("%s %s", last.Role, last.Outputs[0].Type); got != want {
			t.Errorf("from %s: got %s, want %s", from, got, want)
		}
	}
}

// TestProgramsAndWhatIsPutIntoThem: a parameter in a string of a program is that string's
// value, and a secret stands in no program, wherever it comes from.
func TestProgramsAndWhatIsPutIntoThem(t *testing.T) {
	const head = "params: {p: {type: string}, s: {default: '${secret:k}'}}\n" +
		"nodes:\n  src: {kind: string_generator}\n  json: {kind: parse_json, from: src}\n  n: {"
	for _, row := range []struct{ node, p, want string }{
		{`from: src, kind: filter, config: {expr: 'record == "${p}"'}`, `C:\new`, `{"expr":"record == \"C:\\\\new\""}`},
		{`from: src, kind: filter, config: {expr: 'record == "${p}"'}`, `z" || record != "z`, `{"expr":"record == \"z\\\" || record != \\\"z\""}`},
		{`from: src, kind: filter, config: {expr: "record == '${p}'"}`, `it's`, `{"expr":"record == 'it\\'s'"}`},
		{`from: src, kind: filter, config: {expr: 'record ${p}'}`, `!= "a"`, `{"expr":"record != \"a\""}`},
		{`from: json, kind: select, config: {query: '"\(.)${p}"'}`, `\(1)`, `{"query":"\"\\(.)\\\\(1)\""}`},
		{`from: src, kind: regex_match, config: {regex: '"${p}"'}`, `\d+`, `{"regex":"\"\\d+\""}`},
		{`from: src, kind: filter, config: {expr: 'record == "\${p}"'}`, "n", "SL115 ${p} stands right behind a backslash"},
		{`from: src, kind: filter, config: {expr: 'record == "${secret:k}${p}"'}`, "n", "SL116 expr is an expression, and a secret"},
		{`from: json, kind: select, config: {query: '${secret:k}${p}'}`, "n", "SL116 query is a jq query, and a secret"},
		{`from: src, kind: regex_match, config: {regex: '${s}${p}'}`, "n", "SL116 regex is a regular expression, and a secret"},
		{`from: src, kind: hmac, config: {key: '${secret:k}${p}"'}`, `"`, `{"algorithm":"sha256","key":"${secret:k}\"\""}`},
	} {
		text := head + row.node + "}\n  out: {kind: printer, from: n}\n"
		text += "  all: {kind: printer, from: src, config: {prefix: '${p}${s}'}}\n" // each is used
		plan, ds := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: all.Catalogue(), Params: map[string]string{"p": row.p}})
		got := ""
		if ds != nil {
			got = string(ds[0].Code) + " " + ds[0].Text
		} else {
			for _, s := range plan.Steps {
				if s.Node == "n" {
					got = string(s.Config)
				}
			}
		}
		if ds == nil && got != row.want || !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: got %s %v, want %s", row.node, got, ds, row.want)
		}
	}
}
