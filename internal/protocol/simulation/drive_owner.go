package simulation

import (
	"time"

	"sluice/internal/protocol"
)

// ownerDriver drives [protocol.Owner]s, one for each reign that it gains.
type ownerDriver struct {
	*driver
	m     *protocol.Owner
	epoch uint64
	name  uint64 // of the consumers
	state *state
	snaps map[uint64]*state // by revision of the checkpoint
	stops bool
}

func beginOwner(t *task) {
	d := &ownerDriver{driver: newDriver(t)}
	t.stop = func() {
		if d.stops = true; d.m != nil {
			d.m.Stop(d.now)
			d.act()
		}
	}
	d.listen(func() {
		if d.m == nil {
			return
		}
		for _, id := range d.rotate(d.s.In) {
			for _, h := range d.edge(id).fetch(d.name, 8) {
				id, f := d.receive(h)
				d.m.Deliver(id, f, d.now)
			}
		}
		d.m.Tick(d.now)
		d.act()
	})
	d.contend()
}

// contend waits for the lease.
func (d *ownerDriver) contend() {
	if d.stops {
		return
	}
	var epoch uint64
	ask(d.task, func() protocol.Result {
		e, ok := d.store.acquire(d.step, d.task)
		if epoch = e; ok {
			return protocol.OK
		}
		return protocol.Refused
	}, func(r protocol.Result) {
		if r != protocol.OK {
			d.after(d.between(5*time.Millisecond, 40*time.Millisecond), d.contend)
			return
		}
		d.epoch = epoch
		d.renew(epoch)
		d.takeOver(epoch)
	})
}

// renew keeps the lease by a timer of its own, as long as the reign is this one.
func (d *ownerDriver) renew(epoch uint64) {
	d.after(d.g.lease/3, func() {
		if d.epoch != epoch {
			return
		}
		ask(d.task, func() protocol.Result {
			if d.store.renew(d.step, epoch) {
				return protocol.OK
			}
			return protocol.Refused
		}, func(r protocol.Result) {
			switch {
			case d.epoch != epoch:
			case r == protocol.Refused:
				d.abdicate()
			default:
				d.renew(epoch)
			}
		})
	})
}

// takeOver replaces the consumers, and only then reads the checkpoint and the ledger.
func (d *ownerDriver) takeOver(epoch uint64) {
	replace := func(then func()) {
		read(d.task, func() bool {
			for _, id := range d.s.In {
				d.edge(id).replace(epoch)
			}
			return true
		}, func(bool) { d.after(d.between(0, 20*time.Millisecond), then) }) // to make consumers takes time
	}
	reading := func(then func(ownerState)) {
		read(d.task, func() ownerState { return d.store.owners[d.step] }, then)
	}
	if d.opt.ReadFirst {
		reading(func(st ownerState) {
			d.after(d.between(0, 20*time.Millisecond), func() { replace(func() { d.reign(epoch, st) }) })
		})
		return
	}
	replace(func() { reading(func(st ownerState) { d.reign(epoch, st) }) })
}

func (d *ownerDriver) reign(epoch uint64, st ownerState) {
	read(d.task, func() []*protocol.Entry { return d.store.entries(d.step, st.ck.Cursors) }, func(es []*protocol.Entry) {
		if d.epoch != epoch {
			return
		}
		d.count["reign"]++
		c := protocol.OwnerConfig{Ports: d.ports(d.s), Sink: d.s.Sink, Window: 2 + d.rng.IntN(8), Every: 1 + d.rng.IntN(6), Beat: d.g.ackWait / 3, Rules: d.opt.Rules}
		for _, l := range d.s.Lanes {
			c.Lanes = append(c.Lanes, l.Port)
		}
		if d.name = epoch; d.opt.NoEpoch {
			d.name = 0
		}
		d.state, d.snaps = st.state.clone(), map[uint64]*state{}
		d.hand, d.made = map[protocol.ID]inHand{}, map[protocol.ID]made{}
		d.m = protocol.NewOwner(c, st.ck, es)
		d.keepTelling(d.m)
		d.act()
	})
}

func (d *ownerDriver) abdicate() {
	d.m, d.epoch = nil, 0
	d.after(d.between(0, 20*time.Millisecond), d.contend)
}

func (d *ownerDriver) act() {
	m := d.m
	for acts := m.Take(); len(acts) > 0; acts = m.Take() {
		for _, a := range acts {
			d.carryOut(a)
		}
	}
	d.most[d.step] = max(d.most[d.step], m.Held())
	if m.Over() && d.m == m {
		d.abdicate()
	}
}

// with calls fn when the reign is still this one.
func (d *ownerDriver) with(m *protocol.Owner, fn func()) {
	if d.m == m {
		fn()
		d.act()
	}
}

func (d *ownerDriver) carryOut(a protocol.Action) {
	id, m := a.ID, d.m
	switch a.Op {
	case protocol.OpCompute:
		d.after(d.computing(), func() { d.with(m, func() { d.compute(a) }) })
	case protocol.OpCommit:
		d.commit(a.Entry, func(r protocol.Result) { d.with(m, func() { m.Committed(id, r, d.now) }) })
	case protocol.OpLookup:
		ord := d.ordinal(id)
		read(d.task, func() *protocol.Entry { return d.store.lookup(d.step, ord) }, func(e *protocol.Entry) {
			d.with(m, func() { m.Looked(id, e, d.now) })
		})
	case protocol.OpMark:
		ord := d.ordinal(id)
		read(d.task, func() bool { return d.below(ord) }, func(below bool) { d.with(m, func() { m.Marked(id, below, d.now) }) })
	case protocol.OpPublish:
		d.publish(a, a.Entry, func(r protocol.Result) { d.with(m, func() { m.Published(id, a.Edge, a.Part, r, d.now) }) })
	case protocol.OpAck:
		d.ack(id)
	case protocol.OpBeat:
		if h, ok := d.hand[id]; ok {
			d.tell(h.beat)
		}
	case protocol.OpWake:
		d.after(a.After, func() { d.with(m, func() { m.Tick(d.now) }) })
	case protocol.OpCapture:
		d.snaps[a.Checkpoint.Rev] = d.state.clone()
	case protocol.OpSave:
		ck, snap := *a.Checkpoint, d.snaps[a.Checkpoint.Rev]
		ask(d.task, func() protocol.Result { return d.store.saveOwner(d.step, ck, snap) }, func(r protocol.Result) {
			d.with(m, func() {
				if m.Saved(a.Checkpoint, r, d.now); r == protocol.OK {
					d.tellPlace(m)
				} else if r == protocol.Refused && m.Over() && d.store.owners[d.step].state == snap {
					d.fail("saves: the owner of %s starts again for its own write", d.s.Node)
				}
			})
		})
	case protocol.OpRecall:
		snap := d.snaps[a.Checkpoint.Rev]
		read(d.task, func() bool { return d.store.owners[d.step].state == snap }, func(own bool) {
			d.with(m, func() { m.Recalled(a.Checkpoint, own, d.now); d.tellPlace(m) })
		})
	case protocol.OpFail:
		d.differs(a)
	case protocol.OpSeal:
		ask(d.task, func() protocol.Result { d.sinks.sealed[d.step] = true; return protocol.OK }, func(r protocol.Result) {
			d.with(m, func() { m.Sealed(r, d.now) })
		})
	}
}

// compute applies a frame to the state. What a sink writes is in the file at once, even
// when the process dies before it tells anybody.
func (d *ownerDriver) compute(a protocol.Action) {
	m := d.m
	if d.gone(a, func() {
		if d.m == m {
			d.abdicate()
		}
	}) {
		return
	}
	h := d.hand[a.ID]
	lane := int(h.f.ord.Lane) + h.e.LaneBase
	out, full := d.state.apply(d.n, a.Verdict, h.f.recs, d.s.Lanes[lane].Port, a.Finish, func(at int, x int64) {
		f := d.sinks.file[d.step]
		for len(f) <= at {
			f = append(f, -1)
		}
		f[at] = x
		d.sinks.file[d.step] = f
	})
	if d.n.kind == window && d.opt.Erratic {
		out.waver(d.epoch%2 == 0)
	}
	e := d.entry(out)
	e.Full = full
	d.made[a.ID] = out
	d.putValues(d.ordinal(a.ID), h.f.parts, out)
	d.m.Computed(a.ID, e, d.now)
}
