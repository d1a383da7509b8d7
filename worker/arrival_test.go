package worker

import (
	"testing"

	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// closing is a node that notes that it was closed.
type closing struct{ closed int }

func (c *closing) Process(*nodes.Call, nodes.Record) error { return nil }
func (c *closing) Close() error                            { c.closed++; return nil }

func TestFrameWithoutEffectGivesItsSlotBack(t *testing.T) {
	proc := &closing{}
	r := &jobRun{w: &Worker{}}
	l := &relayLoop{outbox: outbox{job: r, step: &recipe.Step{Parallel: 1}, box: newMailbox(), hand: map[protocol.ID]*inHand{}}, arrival: true, busy: 1}
	l.ctx = t.Context()
	l.hand[7] = &inHand{inst: &instance{run: r, proc: proc}}
	if err := l.do(l.ctx, &protocol.Action{Op: protocol.OpAck, ID: 7}); err != nil {
		t.Fatal(err)
	}
	if l.busy != 0 || proc.closed != 1 {
		t.Errorf("got %d slots taken and %d instances closed, want 0 and 1", l.busy, proc.closed)
	}
}
