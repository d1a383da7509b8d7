package simulation

import (
	"encoding/json"
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
}

func beginCoordinator(t *task) {
	c := &coordinator{task: t}
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
		c.repurge()
	})
}

// repurge carries out once more what the fold says: the last coordinator may have ended
// between its fold and its purge.
func (c *coordinator) repurge() {
	var ps []protocol.Purge
	for source, below := range c.acc.Fold.Below {
		ps = append(ps, protocol.Purge{Source: source, Below: below})
	}
	c.purge(ps, c.renew)
}

// purge removes entries; then as many are missing as the fold says, unless another
// coordinator has folded meanwhile.
func (c *coordinator) purge(ps []protocol.Purge, then func()) {
	rev, purged := c.rev, c.acc.Fold.Purged
	ask(c.task, func() protocol.Result {
		c.store.purge(ps)
		if missing := c.store.seq - uint64(len(c.store.ledger)); rev == c.store.foldRev && missing != purged {
			c.fail("%d entries are missing and %d were purged", missing, purged)
		}
		return protocol.OK
	}, func(r protocol.Result) {
		if r != protocol.OK {
			c.purge(ps, then)
			return
		}
		then()
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

func (c *coordinator) later() { c.after(c.between(2*time.Millisecond, 15*time.Millisecond), c.renew) }

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
				if cs := c.store.owners[i].ck.Cursors; len(cs) > 0 {
					c.acc.Watermark(i, cs)
				}
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
	marks := map[int]protocol.Mark{}
	for i := range c.g.plan.Steps {
		if c.g.plan.Steps[i].Role == recipe.RoleSource {
			marks[i] = c.acc.Mark(i)
		}
	}
	if c.opt.PurgeFirst {
		c.store.purge(purges)
	}
	rev, done := c.rev, c.acc.Done()
	b, err := json.Marshal(c.acc.Fold)
	if err != nil {
		c.fail("fold: %v", err)
	}
	ask(c.task, func() protocol.Result {
		return c.store.saveFold(rev, b, marks, done)
	}, func(r protocol.Result) {
		if r != protocol.OK {
			c.contend()
			return
		}
		c.rev++
		c.flags()
		c.purge(purges, c.rescue)
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
		due := c.acc.Overdue(c.now, 3*c.g.ackWait, func(id recipe.EdgeID) bool {
			e := c.edge(id)
			e.expire()
			return len(e.msgs) == 0
		})
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
