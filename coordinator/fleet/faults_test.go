package fleet_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

// moody passes each record at the second attempt, and can't pass those that begin with "no".
type moody struct{ met map[string]bool }

// Process implements nodes.Processor.
func (m *moody) Process(c *nodes.Call, r nodes.Record) error {
	text := r.Text()
	if strings.HasPrefix(text, "no") {
		return nodes.Permanentf("%s is bad", text)
	}
	if !m.met[text] {
		m.met[text] = true
		return fmt.Errorf("%s came too early", text)
	}
	c.Emit(r)
	return nil
}

var moodyKind = nodes.Define(nodes.Spec{
	Kind: "moody", Category: "text", Summary: "Tests", Role: nodes.Ordered,
	In:  []nodes.Port{{Name: "in", Type: recipe.String}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String}},
}, func(struct{}, *nodes.Env) (any, error) { return &moody{met: map[string]bool{}}, nil })

// TestFaultsAreTold has nodes that meet faults which their job survives: the first of each is an
// event at once, and of many it is told how many there were.
func TestFaultsAreTold(t *testing.T) {
	y := newYard(t)
	kinds, err := all.Catalogue().With(moodyKind)
	if err != nil {
		t.Fatal(err)
	}
	y.hire("a", func(c *worker.Config) { c.Catalogue = kinds })
	y.event("a has joined")
	const each = 100
	var lines strings.Builder
	lines.WriteString("first\n")
	for i := range each {
		fmt.Fprintf(&lines, "no%d\nyes%d\n", i, i)
	}
	y.write("in", lines.String())
	done := y.run("one", plan(t, `
recipe: moods
nodes:
  lines: {kind: file_reader, config: {path: in}}
  mood:  {kind: moody, from: lines, on_error: drop, retry: {backoff: 1ms}}
  out:   {kind: file_writer, from: mood, config: {path: out}}
`, kinds))
	e := y.event("a record is tried again: first came too early")
	data, _ := e.Data.(map[string]any)
	if e.Type != coordinator.EventError || e.Level != coordinator.LevelWarning || e.Job != "one" || e.Node != "mood" || data["worker"] != "a" || data["faults"] != 1 {
		t.Errorf("got %+v", e)
	}
	if end := bustest.Wait(t, "the job", done); end.State != recipe.JobSucceeded {
		t.Fatalf("got %+v", end)
	}
	sum, told := 1, 1
	for sum < 1+2*each {
		e := y.event("faults, the last: a record ")
		n, _ := e.Data.(map[string]any)["faults"].(int)
		sum, told = sum+n, told+1
		if !strings.Contains(e.Text, " came too early") && !strings.Contains(e.Text, " was dropped: no") {
			t.Errorf("got %+v", e)
		}
	}
	if sum != 1+2*each || told > each/2 {
		t.Errorf("%d faults were told in %d events, want %d in few", sum, told, 1+2*each)
	}
}
