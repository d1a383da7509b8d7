package simulation

import (
	"time"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// sourceDriver drives a [protocol.Source] for one split after the other.
type sourceDriver struct {
	*driver
	m    *protocol.Source
	sp   *split
	rev  uint64 // of the split's checkpoint
	busy bool
	stop bool
	turn int                      // of attempts, so that answers to an earlier one are not taken for this one's
	at   map[int]protocol.Cursors // by step: its watermark, as far as it was heard
	held map[int]int64            // by step: what it holds early
	told protocol.Credit          // to the machine, last
}

func beginSource(t *task) {
	d := &sourceDriver{driver: newDriver(t), at: map[int]protocol.Cursors{}, held: map[int]int64{}}
	t.listenToPlaces(func(step int, p protocol.Place) {
		if d.at[step] == nil {
			d.at[step] = make(protocol.Cursors, len(p.Cursors))
		}
		d.at[step].Raise(p.Cursors)
		d.held[step] = p.Held
		if d.m != nil {
			d.tellCredit()
			d.act()
		}
	})
	t.stop = func() {
		if d.stop = true; d.m != nil {
			d.m.Stop(d.now)
			d.act()
		}
	}
	var tick func()
	tick = func() {
		d.tick()
		d.after(d.between(2*time.Millisecond, 15*time.Millisecond), tick)
	}
	tick()
}

func (d *sourceDriver) tick() {
	if d.m == nil {
		if !d.busy && !d.stop {
			if sp := d.store.take(d.step); sp != nil {
				d.attempt(sp)
			}
		}
		return
	}
	sp := d.sp
	d.tell(func() {
		if !sp.acked {
			sp.deadline = max(sp.deadline, d.now+d.g.ackWait)
		}
	})
	if d.unwanted() || d.drain {
		d.m.Flag(d.now)
	}
	d.tellCredit()
	d.m.Tick(d.now)
	d.act()
}

// attempt reads the split's checkpoint and begins there.
func (d *sourceDriver) attempt(sp *split) {
	d.sp, d.turn, d.busy = sp, d.turn+1, true
	type saved struct {
		rev uint64
		st  protocol.SplitState
	}
	c := protocol.SourceConfig{Ports: d.ports(d.s), Splits: d.g.plan.Window.Splits, Frames: d.g.plan.Window.Frames, Ahead: ahead,
		Last: uint32(len(d.n.data) - 1), Pipeline: 1 + d.rng.IntN(4), Save: 1 + d.rng.IntN(5), Rules: d.opt.Rules}
	read(d.task, func() saved { return saved{sp.rev, sp.state} }, func(s saved) {
		d.rev = s.rev
		d.hand, d.made = map[protocol.ID]inHand{}, map[protocol.ID]made{}
		d.m = protocol.NewSource(c, sp.n, s.st, d.now)
		if d.drain || d.unwanted() {
			d.m.Flag(d.now)
		}
		d.tellCredit()
		d.m.Start(d.now)
		d.act()
	})
}

// tellCredit has the machine know what the task has heard.
func (d *sourceDriver) tellCredit() {
	d.told = d.credit()
	d.m.Credit(d.told, d.now)
}

// overBytes reports whether a frame is not the one that the ordered steps wait for, while
// they hold more than they may.
func (d *sourceDriver) overBytes(n uint64) bool {
	c := d.told
	return c.Tight && !c.Done && (d.sp.n > c.Split || d.sp.n == c.Split && n > c.N)
}

// credit is what the ordered steps below tell.
func (d *sourceDriver) credit() protocol.Credit {
	c := protocol.Credit{Done: true}
	if cs := d.at[d.step]; cs != nil {
		c.Mark = protocol.MarkOf(cs)
	}
	var held int64
	for i := range d.g.plan.Steps {
		if d.g.plan.Steps[i].Role != recipe.RoleOrdered {
			continue
		}
		held += d.held[i]
		for l, lane := range d.g.plan.Steps[i].Lanes {
			if lane.Source != d.step {
				continue
			}
			c.Ordered = true
			cur := protocol.Cursor{}
			if cs := d.at[i]; len(cs) > 0 {
				cur = cs[l]
			}
			if !cur.Done && (c.Done || cur.Split < c.Split || cur.Split == c.Split && cur.N < c.N) {
				c.Done, c.Split, c.N = false, cur.Split, cur.N
			}
		}
	}
	c.Tight = d.g.tight > 0 && held > d.g.tight
	return c
}

func (d *sourceDriver) act() {
	m := d.m
	for acts := m.Take(); len(acts) > 0; acts = m.Take() {
		for _, a := range acts {
			d.carryOut(a)
		}
	}
	if m.Over() && d.m == m {
		d.m, d.busy = nil, false
	}
}

// with calls fn when the attempt is still this one.
func (d *sourceDriver) with(turn int, fn func(*protocol.Source)) {
	if d.m != nil && d.turn == turn {
		fn(d.m)
		d.act()
	}
}

func (d *sourceDriver) carryOut(a protocol.Action) {
	turn, id, sp := d.turn, a.ID, d.sp
	switch a.Op {
	case protocol.OpCut:
		if a.Until < 0 && d.overBytes(a.N) {
			d.fail("bytes: source %s cuts frame %d of split %d, and the steps that hold too much wait for %d of %d", d.s.Node, a.N, sp.n, d.told.N, d.told.Split)
		}
		d.after(d.computing(), func() { d.with(turn, func(m *protocol.Source) { d.cut(m, a) }) })
	case protocol.OpCommit:
		d.commit(a.Entry, func(r protocol.Result) {
			d.with(turn, func(m *protocol.Source) { m.Committed(id, r, d.now) })
		})
	case protocol.OpLookup:
		ord := ordinal{Split: sp.n, N: uint64(d.hand[id].seq)}
		read(d.task, func() *protocol.Entry { return d.store.lookup(d.step, ord) }, func(e *protocol.Entry) {
			d.with(turn, func(m *protocol.Source) { m.Looked(id, e, d.now) })
		})
	case protocol.OpMark:
		n := uint64(d.hand[id].seq)
		read(d.task, func() bool { return d.store.marks[d.step].Below(sp.n, n) }, func(below bool) {
			d.with(turn, func(m *protocol.Source) { m.Marked(id, below, d.now) })
		})
	case protocol.OpPublish:
		d.publish(a, a.Entry, func(r protocol.Result) {
			d.with(turn, func(m *protocol.Source) { m.Published(id, a.Edge, a.Part, r, d.now) })
		})
	case protocol.OpAck:
		delete(d.hand, id)
		delete(d.made, id)
	case protocol.OpFail:
		d.differs(a)
	case protocol.OpWake:
		d.after(a.After, func() { d.with(turn, func(m *protocol.Source) { m.Tick(d.now) }) })
	case protocol.OpSave:
		d.save(turn, a.SplitState)
	case protocol.OpRecall:
		type saved struct {
			rev uint64
			st  protocol.SplitState
		}
		read(d.task, func() saved { return saved{sp.rev, sp.state} }, func(s saved) {
			d.with(turn, func(m *protocol.Source) {
				d.rev = s.rev
				m.Recalled(a.SplitState, s.st == a.SplitState, d.now)
			})
		})
	case protocol.OpReturn:
		d.count["given back"]++
		d.tell(func() {
			if !sp.acked {
				sp.deadline = d.now + a.After
			}
		})
	case protocol.OpFinish:
		d.tell(func() { sp.acked = true })
	}
}

func (d *sourceDriver) save(turn int, st protocol.SplitState) {
	sp, rev := d.sp, d.rev
	ask(d.task, func() protocol.Result { return d.store.saveSplit(sp, rev, st, d) }, func(r protocol.Result) {
		d.with(turn, func(m *protocol.Source) {
			if r == protocol.OK {
				d.rev++
			}
			if m.Saved(st, r, d.now); r == protocol.Refused && m.Over() && sp.writer == d && sp.state == st {
				d.fail("saves: an attempt at split %d of %s starts again for its own write", sp.n, d.s.Node)
			}
		})
	})
}

// cut reads a frame: the same from the same offset, always.
func (d *sourceDriver) cut(m *protocol.Source, a protocol.Action) {
	data := d.n.data[d.sp.n]
	start, end := int(a.Start), int(a.Until)
	if end < 0 {
		end = min(start+3, len(data))
	}
	last := a.Until < 0 && start >= len(data)
	if a.Follow != nil {
		end, last = int(a.Follow.End), a.Follow.EndSplit
	}
	if start < 0 || end > len(data) || start > end {
		d.fail("source %s is told to cut split %d from %d to %d of %d", d.s.Node, d.sp.n, start, end, len(data))
		return
	}
	d.lastID++
	d.made[d.lastID] = cutRecords(data[start:end])
	d.hand[d.lastID] = inHand{seq: a.N}
	d.putValues(ordinal{Split: d.sp.n, N: a.N}, "", d.made[d.lastID])
	e := d.entry(d.made[d.lastID])
	e.Start, e.End, e.EndSplit = int64(start), int64(end), last
	m.WasCut(d.lastID, e, d.now)
}
