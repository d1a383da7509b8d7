package compile_test

import (
	"bytes"
	"fmt"
	"path"
	"testing"

	"sluice/coordinator/compile"
	"sluice/recipe"
)

// FuzzCompile compiles anything: it must end, say where each fault is, and give the same
// plan twice.
func FuzzCompile(f *testing.F) {
	for _, dir := range []string{"faults", "plans", "cases"} {
		for _, a := range archives(f, dir) {
			if text, ok := a.file("recipe.yaml"); ok && len(text) < 4096 {
				f.Add([]byte(text))
			}
		}
	}
	kinds := catalogue(f)
	sub := []byte("inputs: {in: {}}\nparams: {n: {type: int, default: 1}}\nnodes:\n  a: {kind: md5_hash, from: inputs.in}\noutputs: {out: {from: a}}\n")
	f.Fuzz(func(t *testing.T, text []byte) {
		load := func(from, ref string) (string, []byte, error) {
			switch file := path.Join(path.Dir(from), ref); file {
			case "recipe.yaml":
				return file, text, nil
			case "sub.yaml":
				return file, sub, nil
			}
			return "", nil, fmt.Errorf("there is no %s", ref)
		}
		o := compile.Options{Catalogue: kinds, Load: load}
		plan, ds := compile.Compile("recipe.yaml", text, o)
		if (plan == nil) == (len(ds) == 0) {
			t.Fatalf("a plan is %v, and there are %d diagnostics", plan != nil, len(ds))
		}
		known := map[recipe.Code]bool{}
		for _, m := range recipe.Codes() {
			known[m.Code] = true
		}
		for _, d := range ds {
			if !known[d.Code] || d.Line < 1 || d.Col < 1 || d.Line > bytes.Count(text, []byte("\n"))+bytes.Count(text, []byte("\r"))+len(sub) || d.Text == "" {
				t.Errorf("the diagnostic %+v has no code, place or text", d)
			}
		}
		if plan == nil {
			return
		}
		checkPlan(t, plan)
		first, err := plan.JSON()
		if err != nil {
			t.Fatal(err)
		}
		again, _ := compile.Compile("recipe.yaml", text, o)
		if second, _ := again.JSON(); !bytes.Equal(first, second) {
			t.Errorf("the same recipe gave two plans")
		}
		_ = plan.Text() + plan.Mermaid() + plan.DOT()
		compile.Cases("recipe.yaml", text, o)
	})
}

// checkPlan checks what workers rely on in every plan.
func checkPlan(t *testing.T, p *recipe.Plan) {
	t.Helper()
	for i := range p.Edges {
		e := &p.Edges[i]
		writer, reader := &p.Steps[e.From], &p.Steps[e.To]
		if p.Edge(e.ID) != e || e.From >= e.To || e.Limit < e.InHand || e.InHand < 1 {
			t.Errorf("edge %+v is out of order or out of bounds", e)
		}
		for j, lane := range writer.Lanes {
			if got := reader.Lanes[e.LaneBase+j]; got.Source != lane.Source || got.Port != e.ToPort {
				t.Errorf("edge %s: lane %d is %+v at the reader, want source %d", e.ID, j, got, lane.Source)
			}
		}
		if e.Lossy() != (reader.Role == recipe.RoleGate) {
			t.Errorf("edge %s is lossy: %v, and its reader is a %s", e.ID, e.Lossy(), reader.Role)
		}
		if e.Type != writer.Outputs[e.FromPort].Type || !reader.Inputs[e.ToPort].Type.Accepts(e.Type) {
			t.Errorf("edge %s carries %s between ports of other types", e.ID, e.Type)
		}
	}
	edges := 0
	for i := range p.Streams {
		s := &p.Streams[i]
		edges += len(s.Edges)
		if len(s.Edges) == 0 || len(s.Edges) > recipe.StreamEdges {
			t.Errorf("stream %s has %d edges", s.Name, len(s.Edges))
		}
		for _, id := range s.Edges {
			if e := p.Edge(id); e.Stream != i || e.Limit != s.Limit || e.TTL != s.TTL {
				t.Errorf("edge %s does not suit its stream %s", id, s.Name)
			}
		}
	}
	if edges != len(p.Edges) {
		t.Errorf("streams have %d edges, want %d", edges, len(p.Edges))
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		lanes := 0
		for _, id := range s.In {
			e := p.Edge(id)
			if e.LaneBase != lanes || e.To != s.ID {
				t.Errorf("step %d: edge %s starts at lane %d, want %d", i, id, e.LaneBase, lanes)
			}
			lanes += len(p.Steps[e.From].Lanes)
		}
		if s.Role == recipe.RoleSource {
			lanes++
		}
		if s.ID != i || lanes != len(s.Lanes) || lanes < 1 || lanes > recipe.MaxLanes {
			t.Errorf("step %d (%d) has %d lanes, want %d", s.ID, i, len(s.Lanes), lanes)
		}
	}
}
