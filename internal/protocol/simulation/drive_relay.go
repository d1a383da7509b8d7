package simulation

import (
	"time"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// relayDriver drives a [protocol.Relay].
type relayDriver struct {
	*driver
	m     *protocol.Relay
	queue []protocol.Action    // frames that wait for a slot
	slots map[protocol.ID]bool // frames that the node is at work on; of an arrival sink until their effect
}

func beginRelay(t *task) {
	d := &relayDriver{driver: newDriver(t), slots: map[protocol.ID]bool{}}
	c := protocol.RelayConfig{Ports: t.ports(d.s), Window: d.s.Parallel + d.rng.IntN(3), Beat: t.g.ackWait / 3, Arrival: protocol.Arrival(d.s), Rules: t.opt.Rules}
	for _, id := range d.s.In {
		if e := t.edge(id); d.s.Role == recipe.RoleGate {
			c.Gate, c.TTL = true, e.TTL
			if e.Overflow == recipe.DropOldest {
				c.Shed = int64(e.Capacity)
			}
		}
	}
	d.m = protocol.NewRelay(c)
	stopped := false
	t.stop = func() { stopped = true }
	d.listen(func() {
		if d.unwanted() {
			d.m.Flag()
		}
		d.m.Tick(d.now)
		for _, id := range d.rotate(d.s.In) {
			if e := d.edge(id); !stopped && d.m.Room() > 0 {
				d.pull(e)
			}
		}
		d.act()
	})
}

// rotate has the edges take turns in being first.
func (d *driver) rotate(ids []recipe.EdgeID) []recipe.EdgeID {
	k := d.rng.IntN(len(ids))
	return append(append([]recipe.EdgeID(nil), ids[k:]...), ids[:k]...)
}

func (d *relayDriver) pull(e *edge) {
	backlog := e.backlog()
	for _, h := range e.fetch(e.epoch, d.m.Room()) {
		id, f := d.receive(h)
		d.m.Deliver(id, f, backlog, d.now)
		backlog--
	}
}

// act carries out what the machine asks for, and then what it asks for thereupon.
func (d *relayDriver) act() {
	for acts := d.m.Take(); len(acts) > 0; acts = d.m.Take() {
		for _, a := range acts {
			d.carryOut(a)
		}
	}
}

func (d *relayDriver) carryOut(a protocol.Action) {
	id := a.ID
	switch a.Op {
	case protocol.OpCompute:
		d.queue = append(d.queue, a)
		d.next()
	case protocol.OpCommit:
		d.commit(a.Entry, func(r protocol.Result) {
			if d.opt.AckFirst && r == protocol.OK {
				d.tell(d.hand[id].ack)
			}
			d.m.Committed(id, r, d.now)
			d.act()
		})
	case protocol.OpLookup:
		ord := d.ordinal(id)
		read(d.task, func() *protocol.Entry { return d.store.lookup(d.step, ord) }, func(e *protocol.Entry) { d.m.Looked(id, e, d.now); d.act() })
	case protocol.OpPublish:
		d.publish(a, a.Entry, func(r protocol.Result) { d.m.Published(id, a.Edge, a.Part, r, d.now); d.act() })
	case protocol.OpAck:
		d.ack(id)
		if !d.opt.NoFree {
			d.free(id)
		}
	case protocol.OpBeat:
		d.tell(d.hand[id].beat)
	case protocol.OpMark:
		ord := d.ordinal(id)
		read(d.task, func() bool { return d.below(ord) }, func(below bool) { d.m.Marked(id, below, d.now); d.act() })
	case protocol.OpFail:
		d.differs(a)
	case protocol.OpEffect:
		d.effect(a)
	case protocol.OpWake:
		d.after(a.After, func() { d.m.Tick(d.now); d.act() })
	}
}

// next has the node compute the frames that wait, as long as there are slots.
func (d *relayDriver) next() {
	for len(d.queue) > 0 && len(d.slots) < d.s.Parallel {
		a := d.queue[0]
		d.queue = d.queue[1:]
		d.slots[a.ID] = true
		d.after(d.computing(), func() { d.compute(a) })
	}
}

func (d *relayDriver) free(id protocol.ID) {
	delete(d.slots, id)
	d.next()
}

func (d *relayDriver) compute(a protocol.Action) {
	f := d.hand[a.ID].f
	m := nothing(d.n.kind)
	if d.n.kind != gate && (a.Follow == nil || a.Follow.Kept == nil) && d.gone(a, func() {
		d.free(a.ID)
		d.m.Marked(a.ID, true, d.now)
		d.act()
	}) {
		return
	}
	switch {
	case a.Follow != nil && a.Follow.Kept != nil:
		m = kept(a.Follow.Kept)
	case a.Verdict == protocol.Run:
		m = relay(d.n.kind, f.recs, d.rng.IntN)
	}
	if a.Follow != nil && d.opt.KeptBare {
		m.dead = 0
	}
	if d.n.kind == filter && d.opt.Erratic {
		m.waver(d.oneIn(2))
	}
	e := d.entry(m)
	if a.Verdict == protocol.Run && (d.s.Role == recipe.RoleGate || d.n.kind.impure() && !d.opt.NoKept) {
		e.Kept = m.keep()
	}
	d.made[a.ID] = m
	if a.Follow == nil || a.Follow.Kept == nil {
		d.putValues(d.ordinal(a.ID), f.parts, m)
	}
	if d.n.kind != arrivalSink {
		d.free(a.ID)
	}
	d.m.Computed(a.ID, e, d.now)
	d.act()
}

// effect writes the records under their ordinal; the receiver knows those that it has.
func (d *relayDriver) effect(a protocol.Action) {
	ord, recs := d.ordinal(a.ID), d.hand[a.ID].f.recs
	ask(d.task, func() protocol.Result {
		if d.sinks.sunk[d.step] == nil {
			d.sinks.sunk[d.step] = map[ordinal][]int64{}
		}
		if _, known := d.sinks.sunk[d.step][ord]; !known && a.Verdict == protocol.Run {
			d.sinks.sunk[d.step][ord] = recs
		}
		return protocol.OK
	}, func(r protocol.Result) {
		if r == protocol.Failed {
			d.after(time.Millisecond, func() { d.effect(a) })
			return
		}
		d.free(a.ID)
		d.m.Effected(a.ID, d.now)
		d.act()
	})
}
