package worker

import (
	"slices"
	"sync"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// places is what this worker has heard of the ordered steps of a job: how far they are,
// how much they hold early, and whether they need no more; and of the job's marks. Sources
// get their credit from it, and steps learn that nobody below wants more.
type places struct {
	plan *recipe.Plan

	mu       sync.Mutex
	cursors  []protocol.Cursors // by step: of ordered steps, and the marks of sources
	held     []int64
	full     []bool // said so itself
	starved  []bool
	flagged  []bool // all its readers are full or flagged
	draining bool
	boxes    []*mailbox // told of every change; replaced, never changed: it is read without mu
}

func newPlaces(plan *recipe.Plan, draining bool) *places {
	p := &places{plan: plan, draining: draining, cursors: make([]protocol.Cursors, len(plan.Steps)), held: make([]int64, len(plan.Steps)),
		full: make([]bool, len(plan.Steps)), starved: make([]bool, len(plan.Steps)), flagged: make([]bool, len(plan.Steps))}
	for i := range plan.Steps {
		switch plan.Steps[i].Role {
		case recipe.RoleOrdered, recipe.RoleSource:
			p.cursors[i] = make(protocol.Cursors, len(plan.Steps[i].Lanes))
		}
	}
	return p
}

// watch tells a loop of every change.
func (p *places) watch(b *mailbox) {
	p.mu.Lock()
	p.boxes = append(slices.Clone(p.boxes), b)
	p.mu.Unlock()
	b.post(event{kind: evCredit})
}

func (p *places) unwatch(b *mailbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boxes = slices.DeleteFunc(slices.Clone(p.boxes), func(x *mailbox) bool { return x == b })
}

// heard returns the handler of the steps' announcements.
func (p *places) heard(r *jobRun) func(string, []byte) {
	return func(subject string, data []byte) {
		step := r.names.PlaceStep(subject)
		pl, ok := protocol.DecodePlace(data)
		if !ok || step < 0 || step >= len(p.cursors) || len(pl.Cursors) != len(p.cursors[step]) {
			return
		}
		p.set(step, pl)
	}
}

func (p *places) set(step int, pl protocol.Place) {
	p.mu.Lock()
	changed := p.held[step] != pl.Held || pl.Full && !p.full[step]
	changed = p.cursors[step].Raise(pl.Cursors) || changed
	p.held[step], p.starved[step] = pl.Held, pl.Starved
	if pl.Full && !p.full[step] {
		p.full[step] = true
		p.spread()
	}
	boxes := p.boxes
	p.mu.Unlock()
	if changed {
		for _, b := range boxes {
			b.post(event{kind: evCredit})
		}
	}
}

// starves reports whether an ordered step waits for a frame that is behind others.
func (p *places) starves(step int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starved[step]
}

// spread carries the flags up: a step is flagged when all its readers are full or
// flagged themselves. Steps are in topological order. Called with mu held.
func (p *places) spread() {
	for i := len(p.plan.Steps) - 1; i >= 0; i-- {
		s := &p.plan.Steps[i]
		all := len(s.Out) > 0
		for _, id := range s.Out {
			to := p.plan.Edge(id).To
			all = all && (p.full[to] || p.flagged[to])
		}
		p.flagged[i] = all
	}
}

func (p *places) drain() {
	p.mu.Lock()
	p.draining = true
	boxes := p.boxes
	p.mu.Unlock()
	for _, b := range boxes {
		b.post(event{kind: evCredit})
	}
}

// unwanted reports whether nobody below a step wants more; for a source also whether the
// job drains.
func (p *places) unwanted(step int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flagged[step] || p.draining && p.plan.Steps[step].Role == recipe.RoleSource
}

// aheadOfMark is how many frames a split may be in front of the job's mark, beside what the
// plan gives a lane: enough for what is under way while the coordinator folds, so that only
// a frame that does not get through is met by it.
const aheadOfMark = 4096

// ahead returns the bound of a source.
func (p *places) ahead(source int) int {
	room := 0
	for i := range p.plan.Steps {
		for _, lane := range p.plan.Steps[i].Lanes {
			if lane.Source == source {
				room = max(room, lane.Room)
			}
		}
	}
	return aheadOfMark + p.plan.Window.Frames + room
}

// credit returns what a source may know of the ordered steps below it, and of the job.
func (p *places) credit(source int) protocol.Credit {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := protocol.Credit{Done: true, Mark: protocol.MarkOf(p.cursors[source])}
	for i, cs := range p.cursors {
		if p.plan.Steps[i].Role != recipe.RoleOrdered {
			continue
		}
		for l, cur := range cs {
			if p.plan.Steps[i].Lanes[l].Source != source {
				continue
			}
			c.Ordered = true
			c.Tight = c.Tight || p.held[i] > p.plan.Window.Bytes
			if cur.Done {
				continue
			}
			cur.N += uint64(p.plan.Steps[i].Lanes[l].Room)
			if c.Done || cur.Split < c.Split || cur.Split == c.Split && cur.N < c.N {
				c.Done, c.Split, c.N = false, cur.Split, cur.N
			}
		}
	}
	return c
}
