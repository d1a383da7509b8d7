package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/coordinator/compile"
)

// TestThreeDeep: a recipe nested three deep gives the plan of the flat graph.
func TestThreeDeep(t *testing.T) {
	files := map[string]string{
		"one.yaml":   "inputs: {in: {type: string}}\nparams: {n: {type: int}}\nnodes:\n  x: {kind: 'recipe:two.yaml', from: inputs.in, params: {n: '${n}'}}\noutputs: {out: {from: x}}\n",
		"two.yaml":   "inputs: {in: {type: string}}\nparams: {n: {type: int}}\nnodes:\n  a: {kind: parse_int, from: inputs.in}\n  x: {kind: 'recipe:three.yaml', from: a, params: {n: '${n}'}}\noutputs: {out: {from: x}}\n",
		"three.yaml": "inputs: {in: {type: number}}\nparams: {n: {type: int}}\nnodes:\n  b: {kind: rolling_sum, from: {node: inputs.in, capacity: 5}, config: {values_to_keep: '${n}'}}\noutputs: {out: {from: b}}\n",
	}
	load := func(_, ref string) (string, []byte, error) {
		text, ok := files[ref]
		if !ok {
			return "", nil, fmt.Errorf("there is no %s", ref)
		}
		return ref, []byte(text), nil
	}
	const nested = "nodes:\n  src: {kind: string_generator}\n  x: {kind: 'recipe:one.yaml', from: src, params: {n: 4}}\n  out: {kind: printer, from: x}\n"
	const flat = "nodes:\n  src: {kind: string_generator}\n  a: {kind: parse_int, from: src}\n  b: {kind: rolling_sum, from: {node: a, capacity: 5}, config: {values_to_keep: 4}}\n  out: {kind: printer, from: b}\n"
	text := func(recipe string) string {
		plan, ds := compile.Compile("r.yaml", []byte(recipe), compile.Options{Catalogue: catalogue(t), Load: load})
		if ds != nil {
			t.Fatal(ds)
		}
		for i := range plan.Steps {
			s := &plan.Steps[i]
			s.Node, s.Line, s.File = s.Node[strings.LastIndexByte(s.Node, '/')+1:], 0, ""
		}
		b, err := plan.JSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got, want := text(nested), text(flat); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNoLoader: without a loader nothing can be included, and that is said.
func TestNoLoader(t *testing.T) {
	_, ds := compile.Compile("r.yaml", []byte("nodes:\n  a: {kind: 'recipe:name@3'}\n"), compile.Options{Catalogue: catalogue(t)})
	if len(ds) != 1 || !strings.Contains(ds[0].Text, "name@3") {
		t.Errorf("got %v, want one fault that names the recipe", ds)
	}
}

// TestOptions: bounds of frames and windows reach the plan, and the defaults do.
func TestOptions(t *testing.T) {
	o := compile.Options{Catalogue: catalogue(t), Seed: 7}
	o.Frame.Records = 3
	o.Window.Frames = 10
	plan, ds := compile.Compile("r.yaml", []byte("nodes:\n  a: {kind: string_generator}\n  b: {kind: printer, from: {node: a, capacity: 1}}\n"), o)
	if ds != nil {
		t.Fatal(ds)
	}
	if f, w := plan.Frame, plan.Window; f.Records != 3 || f.Bytes != 32<<10 || w.Frames != 10 || w.Splits != 4 || plan.Seed != 7 {
		t.Errorf("got %+v %+v seed %d", f, w, plan.Seed)
	}
	if want := 4*10 + 4 + 16; plan.Edges[0].Limit != want {
		t.Errorf("got the limit %d, want %d", plan.Edges[0].Limit, want)
	}
}
