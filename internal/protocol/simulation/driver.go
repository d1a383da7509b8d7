package simulation

import (
	"time"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// driver is what the drivers of the machines have in common.
type driver struct {
	*task
	s      *recipe.Step
	n      *node
	hand   map[protocol.ID]inHand
	made   map[protocol.ID]made
	lastID protocol.ID
	pulls  bool // a pull is on its way
}

func newDriver(t *task) *driver {
	return &driver{task: t, s: &t.g.plan.Steps[t.step], n: &t.g.nodes[t.step], hand: map[protocol.ID]inHand{}, made: map[protocol.ID]made{}}
}

func (w *world) begin(step int) func(*task) {
	switch w.g.plan.Steps[step].Role {
	case recipe.RoleSource:
		return beginSource
	case recipe.RoleOrdered:
		return beginOwner
	}
	return beginRelay
}

func (w *world) edge(id recipe.EdgeID) *edge {
	for _, e := range w.edges {
		if e.ID == id {
			return e
		}
	}
	panic("no edge " + id)
}

func (w *world) ports(s *recipe.Step) []int {
	var ps []int
	for _, id := range s.Out {
		ps = append(ps, w.edge(id).FromPort)
	}
	return ps
}

// listen has pull called soon after there is something to read, and now and then. A pull
// is never called twice at once.
func (d *driver) listen(pull func()) {
	soon := func(most time.Duration) {
		if !d.pulls && !d.dead {
			d.pulls = true
			d.after(d.between(10*time.Microsecond, most), func() {
				d.pulls = false
				pull()
			})
		}
	}
	for _, id := range d.s.In {
		e := d.edge(id)
		e.readers = append(e.readers, func() { soon(400 * time.Microsecond) })
	}
	var again func()
	again = func() {
		soon(time.Millisecond)
		d.after(d.between(5*time.Millisecond, 25*time.Millisecond), again)
	}
	again()
}

// receive takes a message in hand and returns what a machine is told of it.
func (d *driver) receive(h inHand) (protocol.ID, protocol.Frame) {
	d.lastID++
	d.hand[d.lastID] = h
	ord := h.f.ord
	ord.Lane += uint16(h.e.LaneBase)
	return d.lastID, protocol.Frame{Ord: ord, Parts: h.f.parts, EndSplit: h.f.endSplit, EndSource: h.f.endSource,
		Records: int64(len(h.f.recs)), Bad: h.f.bad, Age: d.now - h.at, Seq: h.seq}
}

// entry begins the entry of what was made.
func (d *driver) entry(m made) *protocol.Entry {
	e := &protocol.Entry{Step: d.step, Counts: m.counts(), Dead: m.dead}
	for i, id := range d.s.Out {
		if !d.opt.LateDrop && d.edge(id).drops() {
			e.Lost |= 1 << i
		}
	}
	return e
}

// content is the frame that an entry says goes out on an edge.
func (w *world) content(e *protocol.Entry, m made, x *edge, i, part int) frame {
	parts := m.out[x.FromPort]
	path := protocol.PartOf(e, len(parts), part)
	f := frame{ord: ordinal{Split: e.Ord.Split, N: e.Ord.N, Lane: e.Ord.Lane, Path: path.Path()}, parts: path, endSplit: e.EndSplit, endSource: e.EndSource}
	if !e.LostAt(i) {
		f.recs = parts[part]
		if k := (valueKey{e.Step, x.FromPort, f.ord}); len(f.recs) > 0 && k.large() {
			f.value = &k
		}
	}
	return f
}

// publish puts a part of a frame, or its dead letters.
func (d *driver) publish(a protocol.Action, e *protocol.Entry, answer func(protocol.Result)) {
	m := d.made[a.ID]
	if a.Edge == protocol.DeadLetters {
		ord := e.Ord
		if m.dead != e.Dead {
			d.fail("letters: node %s has %d of frame %s, and its entry counts %d", d.s.Node, m.dead, ord, e.Dead)
		}
		slow := time.Duration(0) // they go to a stream of their own
		if d.oneIn(8) {
			slow = d.between(0, d.g.ackWait)
		}
		d.after(slow, func() {
			ask(d.task, func() protocol.Result { d.sinks.bury(d.step, ord, int(m.dead)); return protocol.OK }, answer)
		})
		return
	}
	x := d.edge(d.s.Out[a.Edge])
	f := d.content(e, m, x, a.Edge, a.Part)
	if d.opt.LateDrop && x.drops() {
		f.recs = nil
	}
	ask(d.task, func() protocol.Result { return x.put(f) }, answer)
}

// commit writes an entry as it is now.
func (d *driver) commit(e *protocol.Entry, answer func(protocol.Result)) {
	c, b := *e, e.Append(nil)
	ask(d.task, func() protocol.Result { return d.store.commit(&c, b) }, answer)
}

func (d *driver) ack(id protocol.ID) {
	h, ok := d.hand[id]
	delete(d.hand, id)
	delete(d.made, id)
	if ok {
		d.tell(h.ack)
	}
}

// ordinal returns the ordinal of a frame in hand, with the step's own lane.
func (d *driver) ordinal(id protocol.ID) ordinal {
	ord := d.hand[id].f.ord
	ord.Lane += uint16(d.hand[id].e.LaneBase)
	return ord
}

// below reports whether an ordinal is below the job's mark.
func (d *driver) below(o ordinal) bool {
	return d.store.marks[d.s.Lanes[o.Lane].Source].Below(o.Split, o.N)
}

// unwanted reports whether no reader wants more, as far as the task has heard.
func (d *driver) unwanted() bool {
	if !d.oneIn(6) {
		return false
	}
	for _, id := range d.s.Out {
		if !d.full[d.edge(id).To] {
			return false
		}
	}
	return len(d.s.Out) > 0
}

// differs fails the job: a node is no function.
func (d *driver) differs(a protocol.Action) {
	d.fail("node %s made %v and %d dead of frame %s, and before it made %v and %d", d.s.Node, a.Entry.Counts, a.Entry.Dead, a.Follow.Ord, a.Follow.Counts, a.Follow.Dead)
}
