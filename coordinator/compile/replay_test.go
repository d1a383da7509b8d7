package compile_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/coordinator/compile"
	"sluice/nodes"
	"sluice/recipe"
)

// replay makes the plan that gives records to a node once more.
func replay(t *testing.T, plan *recipe.Plan, node string) (*recipe.Plan, error) {
	t.Helper()
	step := slices.IndexFunc(plan.Steps, func(s recipe.Step) bool { return s.Node == node })
	if step < 0 {
		t.Fatalf("the plan has no node %s", node)
	}
	source := kind[none]("again", nodes.Origin, nil, ports("out", "T"))
	return compile.Replay(plan, step, compile.ReplayOptions{
		Catalogue: catalogue(t), Source: &source,
		Config: func(port string, typ recipe.Type) json.RawMessage {
			return fmt.Appendf(nil, `{"port":%q,"type":%q}`, port, typ)
		},
	})
}

// TestReplays shows the plans of replays.
func TestReplays(t *testing.T) {
	for _, a := range archives(t, "replays") {
		t.Run(strings.TrimSuffix(filepath.Base(a.name), ".txtar"), func(t *testing.T) {
			plan, ds := a.compile(t)
			if ds != nil {
				t.Fatal(ds)
			}
			before := plan.Text()
			node, _ := a.file("node")
			made, err := replay(t, plan, strings.TrimSpace(node))
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, made)
			if plan.Text() != before {
				t.Error("the plan itself was changed")
			}
			a.check(t, "plan", made.Text())
			a.check(t, "ordered", strings.Join(compile.OrderedBelow(made), " ")+"\n")
			again, err := replay(t, made, strings.TrimSpace(node))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := kindsOf(again), kindsOf(made); !slices.Equal(got, want) {
				t.Errorf("the replay of a replay has %v, want %v", got, want)
			}
		})
	}
}

func kindsOf(p *recipe.Plan) []string {
	var names []string
	for _, s := range p.Steps {
		names = append(names, s.Kind)
	}
	return names
}

func TestReplayRefuses(t *testing.T) {
	text := "nodes:\n  src: {kind: string_generator}\n  a: {kind: pass, from: src}\n"
	plan, ds := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: catalogue(t)})
	if ds != nil {
		t.Fatal(ds)
	}
	if _, err := replay(t, plan, "src"); err == nil || !strings.Contains(err.Error(), "src is a source") {
		t.Errorf("got %v for a source", err)
	}
	plan.Steps[1].Version = 7
	if _, err := replay(t, plan, "a"); err == nil || !strings.Contains(err.Error(), "version 7") {
		t.Errorf("got %v for a version that the catalogue lacks", err)
	}
}
