package simulation

import (
	"encoding/json"
	"slices"
	"time"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// coordinator drives a [protocol.Accountant] while it holds the job's lease.
type coordinator struct {
	*task
	epoch uint64
	acc   *protocol.Accountant
	rev   uint64 // of the fold
	seq   uint64 // of the last entry read
	// purging is the revision of the fold behind which a purge was asked for last.
	purging uint64
}

func beginCoordinator(t *task) {
	c := &coordinator{task: t}
	t.listenToPlaces(func(step int, p protocol.Place) {
		if c.acc != nil {
			c.acc.Watermark(step, p.Cursors)
		}
	})
	c.contend()
}

func (c *coordinator) contend() {
	ask(c.task, func() protocol.Result {
		epoch, ok := c.store.acquire(-1, c.task)
		if !ok {
			return protocol.Refused
		}
		c.epoch = epoch
		return protocol.OK
	}, func(r protocol.Result) {
		if r != protocol.OK {
			c.after(c.between(20*time.Millisecond, 60*time.Millisecond), c.contend)
			return
		}
		c.start()
	})
}

// start reads the fold that was written last.
func (c *coordinator) start() {
	type saved struct {
		rev  uint64
		fold []byte
	}
	read(c.task, func() saved { return saved{c.store.foldRev, c.store.fold} }, func(s saved) {
		var f protocol.Fold
		if s.fold != nil {
			if err := json.Unmarshal(s.fold, &f); err != nil {
				c.fail("fold: %v", err)
			}
		}
		c.rev, c.seq = s.rev, 0
		c.acc = protocol.NewAccountant(&c.g.plan, f, c.opt.Rules)
		for i := range c.g.plan.Steps {
			if c.g.plan.Steps[i].Role == recipe.RoleSource {
				c.acc.Splits(i, uint32(len(c.store.sources[i])))
			}
		}
		if s.fold == nil || c.opt.NoFence {
			c.repurge()
			return
		}
		c.save(c.repurge) // who has read an earlier fold can't write one any more
	})
}

// save writes the fold with its marks, unless another coordinator has.
func (c *coordinator) save(then func()) {
	rev, marks, done := c.rev, c.acc.Fold.Marks, c.acc.Done()
	b, err := json.Marshal(c.acc.Fold)
	if err != nil {
		c.fail("fold: %v", err)
	}
	ask(c.task, func() protocol.Result { return c.store.saveFold(rev, b, marks, done) }, func(r protocol.Result) {
		if r != protocol.OK {
			c.contend()
			return
		}
		c.rev++
		then()
	})
}

// repurge carries out once more what the fold says: the last coordinator may have ended
// between its fold and its purge.
func (c *coordinator) repurge() {
	var ps []protocol.Purge
	for source, below := range c.acc.Fold.Below {
		ps = append(ps, protocol.Purge{Source: source, Below: below})
	}
	c.purge(ps, nil, func() { c.whole(c.renew) })
}

// whole looks whether more entries are missing than were purged: then somebody took one out.
func (c *coordinator) whole(then func()) {
	read(c.task, func() uint64 { return c.store.missing() }, func(missing uint64) {
		if missing > c.acc.Fold.Purged {
			c.theft(missing, c.acc.Fold.Purged)
			return
		}
		then()
	})
}

// theft fails the run, since nobody steals, unless another coordinator has the job: then that one
// has purged.
func (c *coordinator) theft(missing, purged uint64) {
	c.count["taken for a theft"]++
	c.save(func() {
		c.fail("%d entries are missing and %d were purged: a theft, of which there is none", missing, purged)
	})
}

// purge removes entries and large values that a fold covers; then as many entries are missing
// as the fold says, unless another coordinator has folded meanwhile.
func (c *coordinator) purge(ps []protocol.Purge, marks map[int]protocol.Mark, then func()) {
	rev, purged := c.rev, c.acc.Fold.Purged
	var due, n uint64
	for _, p := range ps {
		due += p.Count
	}
	again := c.purging == rev // asked for before, and nobody knows what came of it
	c.purging = rev
	ask(c.task, func() protocol.Result {
		n = c.store.purge(ps)
		c.store.sweep(marks)
		if missing := c.store.missing(); rev == c.store.foldRev && missing != purged {
			c.fail("%d entries are missing and %d were purged", missing, purged)
		}
		return protocol.OK
	}, func(r protocol.Result) {
		switch {
		case r != protocol.OK:
			c.purge(ps, marks, then)
		case n < due && !again:
			c.theft(purged, purged-due+n)
		default:
			then()
		}
	})
}

func (c *coordinator) renew() {
	epoch := c.epoch
	ask(c.task, func() protocol.Result {
		if c.store.renew(-1, epoch) {
			return protocol.OK
		}
		return protocol.Refused
	}, func(r protocol.Result) {
		if r == protocol.Refused {
			c.contend()
			return
		}
		c.fold()
	})
}

func (c *coordinator) later() {
	if c.oneIn(4) {
		c.tellMarks()
	}

	c.after(c.between(2*time.Millisecond, 15*time.Millisecond), c.renew)
}

// tellMarks tells the sources how far the job is.
func (c *coordinator) tellMarks() {
	for i := range c.g.plan.Steps {
		if m, ok := c.acc.Fold.Marks[i]; ok {
			c.announce(i, m.Place())
		}
	}
}

// fold reads what is new, and then the checkpoints.
func (c *coordinator) fold() {
	read(c.task, func() []*stored { return c.store.since(c.seq) }, func(news []*stored) {
		for _, st := range news {
			if err := c.acc.Add(st.seq, decode(st.bytes), st.at); err != nil {
				c.fail("%v", err)
			}
			c.seq = st.seq
		}
		read(c.task, func() bool {
			for i := range c.g.plan.Steps {
				for _, sp := range c.store.sources[i] {
					c.acc.Split(i, sp.n, sp.state)
				}
			}
			return true
		}, func(bool) { c.write() })
	})
}

// write saves the fold with its marks, and purges the ledger below them.
func (c *coordinator) write() {
	news, purges := c.acc.News(), c.acc.Purge()
	if !news && len(purges) == 0 {
		c.rescue()
		return
	}
	c.acc.RaiseMarks()
	marks := c.acc.Fold.Marks
	if c.opt.PurgeFirst {
		c.store.purge(purges)
	}
	if c.opt.SweepFirst {
		c.store.sweep(marks)
	}
	c.save(func() {
		c.flags()
		c.purge(purges, marks, c.rescue)
	})
}

// flags tells which steps want no more: those that are full, and those all of whose
// readers want no more. They only ever rise: another coordinator may know less.
func (c *coordinator) flags() {
	for i := len(c.g.plan.Steps) - 1; i >= 0; i-- {
		s := &c.g.plan.Steps[i]
		idle := len(s.Out) > 0
		for _, id := range s.Out {
			idle = idle && c.full[c.edge(id).To]
		}
		c.full[i] = c.full[i] || idle || c.acc.Fold.Steps[i].Full
	}
}

// rescue helps gates, and goes on.
func (c *coordinator) rescue() {
	if !c.opt.NoRescue {
		due := c.acc.Overdue(c.now, 3*c.g.ackWait, func(id recipe.EdgeID) (uint64, bool) {
			e := c.edge(id)
			e.expire()
			return uint64(len(e.msgs)), true
		})
		c.needless(due)
		for _, o := range due {
			if o.Expire != nil {
				c.expire(o.Expire)
			} else {
				c.again(o.Entry, o.Edge, o.Part)
			}
		}
	}
	c.later()
}

// needless fails a run in which everything that is published again on an edge is stored
// there: its reader is slow, and would compute it all once more.
func (c *coordinator) needless(due []protocol.Overdue) {
	lost := map[*edge]int{}
	for _, o := range due {
		if o.Expire != nil {
			continue
		}
		x := c.edge(c.g.plan.Steps[o.Entry.Step].Out[o.Edge])
		ord := o.Entry.Ord
		ord.Path = protocol.PartOf(o.Entry, len(o.Entry.Counts[x.FromPort]), o.Part).Path()
		if lost[x] += 0; !slices.ContainsFunc(x.msgs, func(m *message) bool { return m.f.ord == ord }) {
			lost[x]++
		}
	}
	for x, n := range lost {
		if n == 0 {
			c.fail("copies: frames are published again on edge %s, and all of them are stored there", x.ID)
		}
	}
}

// expire commits in a gate's place, and publishes the empty frame.
func (c *coordinator) expire(e *protocol.Entry) {
	b := e.Append(nil)
	ask(c.task, func() protocol.Result { return c.store.commit(e, b) }, func(r protocol.Result) {
		if r != protocol.OK {
			return
		}
		c.count["expired for a gate"]++
		for i := range c.g.plan.Steps[e.Step].Out {
			c.again(e, i, 0)
		}
	})
}

// again publishes what a gate's entry says.
func (c *coordinator) again(e *protocol.Entry, i, part int) {
	m := nothing(gate)
	if e.Kept != nil {
		m = kept(e.Kept)
	}
	x := c.edge(c.g.plan.Steps[e.Step].Out[i])
	f := c.content(e, m, x, i, part)
	c.count["published for a gate"]++
	ask(c.task, func() protocol.Result { return x.put(f) }, func(protocol.Result) {})
}
