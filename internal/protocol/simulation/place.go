package simulation

import (
	"slices"
	"time"

	"sluice/internal/protocol"
)

// ear is a task that listens to the places that steps tell of. Nobody stores them: who
// begins to listen knows nothing, and a message may be lost, late, or from an owner whose
// reign is over.
type ear struct {
	t     *task
	heard func(step int, p protocol.Place)
}

func (t *task) listenToPlaces(heard func(step int, p protocol.Place)) {
	t.ears = append(t.ears, ear{t, heard})
}

// announce tells a place to all who listen.
func (w *world) announce(step int, p protocol.Place) {
	w.ears = slices.DeleteFunc(w.ears, func(e ear) bool { return e.t.dead })
	p.Cursors = slices.Clone(p.Cursors)
	for _, e := range w.ears {
		d := w.latency()
		switch {
		case w.oneIn(20):
			w.count["place lost"]++
			continue
		case w.oneIn(40):
			w.count["place late"]++
			d = w.between(0, 3*w.g.ackWait)
		}
		w.at(w.now+d, func() { e.t.run(func() { e.heard(step, p) }) })
	}
}

// tell announces the place of a reign, behind every checkpoint and from time to time.
func (d *ownerDriver) tellPlace(m *protocol.Owner) {
	d.announce(d.step, protocol.Place{Cursors: m.Cursors(), Held: int64(m.Held())})
}

func (d *ownerDriver) keepTelling(m *protocol.Owner) {
	if d.m != m {
		return
	}
	d.tellPlace(m)
	d.after(d.between(10*time.Millisecond, 40*time.Millisecond), func() { d.keepTelling(m) })
}
