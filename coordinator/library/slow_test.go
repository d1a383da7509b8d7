package library_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/library"
)

// TestSlow compiles what takes longer than a request may, at its settings and at its inclusions: it
// is given up, whatever wants it compiled, and its turn is free again.
func TestSlow(t *testing.T) {
	const within = 100 * time.Millisecond
	d := alone(t, func(c *library.Config) { c.CompileFor, c.Turns = within, library.NewTurns(1, 0) })
	var patterns strings.Builder
	patterns.WriteString("nodes:\n  a: {kind: string_generator}\n")
	for i := range 9_000 {
		fmt.Fprintf(&patterns, "  n%d: {kind: regex_match, from: a, config: {regex: '(a{1,30}b{1,30}){1,30}x%d'}}\n", i, i)
	}
	source := sent(t, patterns.String())
	for what, f := range map[string]func() error{
		"check":   func() error { _, _, err := d.Check(d.ctx, source); return err },
		"compile": func() error { _, _, err := d.Compile(d.ctx, source, nil, 0); return err },
		"save": func() error {
			_, _, err := d.Save(d.ctx, library.Saving{Name: "a", Source: source, By: "ann"})
			return err
		},
		"submit": func() error {
			_, _, err := d.Submit(d.ctx, library.Submission{Owner: "ann", Document: &library.Document{Text: source.Text}})
			return err
		},
	} {
		err := f()
		if coordinator.FamilyOf(err) != coordinator.Unavailable || !strings.Contains(err.Error(), "was not compiled within 100ms") {
			t.Errorf("%s: got %v", what, describe(err))
		}
	}
	if _, found, err := d.Check(d.ctx, sent(t, plain)); err != nil || found != nil {
		t.Errorf("what is behind it: got %v, %v", found, err)
	}
}

// TestManyNodes: a recipe at the bound is compiled in the time that a request has, with room to
// spare.
func TestManyNodes(t *testing.T) {
	d := alone(t, func(c *library.Config) { c.CompileFor = time.Minute }) // other tests run at the same time
	var b strings.Builder
	b.WriteString("params:\n  n: {type: int, default: 3}\nnodes:\n  n0: {kind: integer_generator}\n")
	for i := 1; i < 9_800; i++ {
		fmt.Fprintf(&b, "  n%d: {kind: rolling_sum, from: {node: n%d, capacity: 64}, config: {values_to_keep: \"${n}\"}}\n", i, (i-1)/10)
	}
	source := sent(t, b.String())
	began := time.Now()
	if _, found, err := d.Check(d.ctx, source); err != nil || found != nil {
		t.Fatal(found, err)
	}
	checked := time.Now()
	if _, found, err := d.Compile(d.ctx, source, nil, 0); err != nil || found != nil {
		t.Fatal(found, err)
	}
	t.Logf("checked in %v, compiled in %v", checked.Sub(began), time.Since(checked))
}
