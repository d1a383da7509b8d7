package compile_test

import (
	"testing"

	"sluice/coordinator/compile"
)

// TestCheck says what is sound, of recipes that run and of parts.
func TestCheck(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"nodes:\n  a: {kind: string_generator}\n  b: {kind: printer, from: a}\n", "sound: 2 steps, 1 edge"},
		{
			"params: {key: {}}\ninputs: {in: {type: string}}\nnodes:\n  a: {kind: md5_hash, from: inputs.in}\n  b: {kind: md5_hash, from: a}\noutputs: {out: {from: b}}\n",
			"sound part: 2 steps, 1 edge, open: in (string) → out (string)",
		},
		{"inputs: {in: {type: any}}\nnodes:\n  a: {kind: to_string, from: inputs.in}\noutputs: {same: {from: inputs.in}, out: {from: a}}\n", "sound part: 1 step, 0 edges, open: in (any) → same, out (string)"},
		{"inputs: {in: {type: string}}\nnodes:\n  a: {kind: printer, from: inputs.in}\n", "sound part: 1 step, 0 edges, open: in (string) →"},
		{"nodes:\n  a: {kind: string_generator}\noutputs: {out: {from: a}}\n", "sound part: 1 step, 0 edges, open: → out (string)"},
		{"inputs: {in: {type: int}}\nnodes:\n  a: {kind: parse_int, from: inputs.in}\noutputs: {out: {from: a}}\n", "r.yaml:3:30: SL301: inputs.in is int, but the port in of a (parse_int) takes string; put to_string between them"},
		{"params: {key: {}}\nnodes:\n  a: {kind: string_generator}\n", "r.yaml:1:10: SL112: the parameter key has no default and no value was given; give it by -p key=…"},
	} {
		summary, ds := compile.Check("r.yaml", []byte(row.text), compile.Options{Catalogue: catalogue(t)})
		got := summary.String()
		if ds != nil {
			got = ds.Error()
		}
		if got != row.want {
			t.Errorf("%s\ngot  %s\nwant %s", row.text, got, row.want)
		}
	}
}
