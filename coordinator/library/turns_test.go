package library_test

import (
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/nodes/all"
)

// TestTurns compiles as much at once as there may be: what comes then is told to come again, and
// is served when there is a turn, whatever it wants compiled.
func TestTurns(t *testing.T) {
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	held := func() *nodes.Catalogue {
		begun <- struct{}{}
		<-goOn
		return all.Catalogue()
	}
	turns := library.NewTurns(1, 50*time.Millisecond)
	slow := alone(t, func(c *library.Config) { c.Turns, c.Catalogue = turns, held })
	d := alone(t, func(c *library.Config) { c.Turns = turns }) // another project
	source := sent(t, "nodes: {n: {kind: integer_generator}}")
	done := make(chan error, 1)
	go func() { _, _, err := slow.Check(slow.ctx, source); done <- err }()
	bustest.Wait(t, "the first", begun)
	ways := map[string]func() error{
		"check":   func() error { _, _, err := d.Check(d.ctx, source); return err },
		"compile": func() error { _, _, err := d.Compile(d.ctx, source, nil, 0); return err },
		"any other": func() error {
			_, end, err := d.Turn(d.ctx)
			if err == nil {
				end()
			}
			return err
		},
		"save": func() error {
			_, _, err := d.Save(d.ctx, library.Saving{Name: "a", Source: source, By: "ann"})
			return err
		},
		"submit": func() error {
			_, _, err := d.Submit(d.ctx, library.Submission{Owner: "ann", Document: &library.Document{Text: "nodes: {n: {kind: integer_generator}}"}})
			return err
		},
	}
	for what, f := range ways {
		fault(t, what, f(), coordinator.Unavailable, "the coordinator compiles 1 recipes just now, as many as it does at once; ask again in a moment")
	}
	close(goOn)
	if err := bustest.Wait(t, "the first", done); err != nil {
		t.Fatal(err)
	}
	for what, f := range ways {
		if err := f(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
