package worker

import (
	"testing"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// sourceAndSink is a source that a sink reads in order.
func sourceAndSink() *recipe.Plan {
	return &recipe.Plan{
		Window: recipe.Window{Splits: 4, Frames: 64, Bytes: 1 << 20},
		Steps: []recipe.Step{
			{ID: 0, Role: recipe.RoleSource, Lanes: []recipe.Lane{{}}},
			{ID: 1, Role: recipe.RoleOrdered, Lanes: []recipe.Lane{{Room: 10}}},
		},
	}
}

func TestPlacesNeverGoBack(t *testing.T) {
	p := newPlaces(sourceAndSink(), false)
	p.set(1, protocol.Place{Cursors: protocol.Cursors{{N: 7}}})
	p.set(1, protocol.Place{Cursors: protocol.Cursors{{N: 5}}}) // an earlier owner's, late
	p.set(0, protocol.Mark{N: 3}.Place())
	p.set(0, protocol.Mark{}.Place()) // of a coordinator that has just begun
	c := p.credit(0)
	if c.N != 17 || c.Mark != (protocol.Mark{N: 3}) {
		t.Errorf("got credit from frame %d and mark %+v, want 17 (with the lane's room) and frame 3", c.N, c.Mark)
	}
}

func TestSourceIsBoundByTheMark(t *testing.T) {
	plan := sourceAndSink()
	plan.Steps[1].Role = recipe.RoleRelay // nobody takes frames in order
	p := newPlaces(plan, false)
	if got, want := p.ahead(0), aheadOfMark+64+10; got != want {
		t.Errorf("got %d frames ahead, want %d", got, want)
	}
	m := protocol.NewSource(protocol.SourceConfig{Splits: 4, Frames: 64, Ahead: p.ahead(0), Pipeline: 1}, 0, protocol.SplitState{N: 5000}, 0)
	cuts := func() bool {
		m.Credit(p.credit(0), 0)
		for _, a := range m.Take() {
			if a.Op == protocol.OpCut {
				return true
			}
		}
		return false
	}
	m.Start(0)
	if m.Take(); cuts() {
		t.Error("frame 5000 was cut, and nothing below is done")
	}
	if p.set(0, protocol.Mark{N: 1000}.Place()); !cuts() {
		t.Error("frame 5000 was not cut, and 1000 are done")
	}
}
