package worker

import (
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// lateAcks holds back the acknowledgement of the frame that was finished last on an edge,
// until the next one is finished or nothing has come for a while. An acknowledgement that
// leaves a stream empty makes the server delete the file it writes to and create a new
// one, which costs more than everything else about a frame: at low rates that was every
// one. It may be late by the protocol: what it stands for is in the ledger.
type lateAcks struct {
	box   *mailbox
	may   []bool         // by in-edge
	held  []*bus.Message // by in-edge
	moved bool           // since the timer was set
	armed bool
}

// Acknowledgements are held back for so long at most, and only on edges where one frame
// more does not matter to the writer: a gate lets few wait.
const (
	lateFor      = 100 * time.Millisecond
	lateCapacity = 16
)

func newLateAcks(plan *recipe.Plan, box *mailbox, edges []*recipe.Edge) lateAcks {
	l := lateAcks{box: box, may: make([]bool, len(edges)), held: make([]*bus.Message, len(edges))}
	for i, e := range edges {
		l.may[i] = !e.Lossy() && e.Capacity >= lateCapacity && plan.Steps[e.From].Role != recipe.RoleGate
	}
	return l
}

// ack acknowledges a message of an in-edge, now or soon.
func (l *lateAcks) ack(edge int, m *bus.Message) {
	if !l.may[edge] {
		m.Ack()
		return
	}
	m.Data = nil // the frame is done with
	m, l.held[edge] = l.held[edge], m
	if m != nil {
		m.Ack()
	}
	l.moved = true
	l.arm()
}

func (l *lateAcks) arm() {
	if !l.armed {
		l.armed = true
		time.AfterFunc(lateFor, func() { l.box.post(event{kind: evLate}) })
	}
}

// due is called when the timer has run: what was held all the time is acknowledged.
func (l *lateAcks) due() {
	l.armed = false
	if l.moved {
		l.moved = false
		l.arm()
		return
	}
	l.flush()
}

// flush acknowledges everything.
func (l *lateAcks) flush() {
	for i, m := range l.held {
		if m != nil {
			m.Ack()
			l.held[i] = nil
		}
	}
}
