package protocol

import (
	"time"

	"sluice/recipe"
)

// Overdue is help that the coordinator gives to a gate.
type Overdue struct {
	// Entry, Edge and Part name a frame that a gate let through (or that was expired in
	// its place) and that nobody below has committed for long: it is published again.
	Entry *Entry
	Edge  int // index into the step's Out
	Part  int
	// Expire, if not nil, is committed in a gate's place for a frame that the server
	// itself has expired: then the empty frame goes on below.
	Expire *Entry
}

// helps reports whether a step's entries are kept: those of gates and of what publishes
// to an edge with a ttl.
func (a *Accountant) helps(s *recipe.Step) bool {
	if s.Role == recipe.RoleGate {
		return true
	}
	for _, id := range s.Out {
		if a.plan.Edge(id).TTL > 0 {
			return true
		}
	}
	return false
}

// PartOf returns the parts path of part i of the k frames that an entry's step made at a
// port.
func PartOf(e *Entry, k, i int) recipe.Parts {
	if k <= 1 {
		return e.Parts
	}
	return e.Parts.Append(i, i == k-1)
}

// Overdue returns the help that is due. stored tells how many frames are stored on an edge,
// and false when that is not known; patience is the time after which a gate's frame is
// published again where no ttl says it. What is still stored waits for its reader and needs
// no help: a copy would only be computed again. So a gate's frames are published again
// only when fewer are stored than are missed.
func (a *Accountant) Overdue(now, patience time.Duration, stored func(recipe.EdgeID) (uint64, bool)) []Overdue {
	missed := make([]uint64, len(a.plan.Edges))
	var late []lateFrame
	for _, queue := range a.queue {
		for _, r := range queue {
			if k := a.kept[r.key]; k != nil {
				late = a.late(late, k, now, patience)
			}
		}
	}
	for _, l := range late {
		missed[l.edge.ID.Index()]++
	}
	var due []Overdue
	for _, l := range late {
		n, known := stored(l.edge.ID)
		if !known {
			continue
		}
		if l.gate && (n < missed[l.edge.ID.Index()] || a.rules.NoCount) {
			l.at = now // not again before the same time has passed
			due = append(due, Overdue{Entry: l.Entry, Edge: l.out, Part: l.part})
		}
		if l.edge.TTL > 0 && n == 0 {
			l.at = now
			due = append(due, Overdue{Expire: a.expired(l)})
		}
	}
	return due
}

// lateFrame is a frame that nobody below has committed for long.
type lateFrame struct {
	*keptEntry
	gate  bool // made by a gate, whose entry keeps it
	edge  *recipe.Edge
	out   int // index into the step's Out
	part  int
	parts recipe.Parts
	ord   recipe.Ordinal // on the reader's lane
}

// late appends the late frames of an entry.
func (a *Accountant) late(late []lateFrame, k *keptEntry, now, patience time.Duration) []lateFrame {
	s := &a.plan.Steps[k.Step]
	if s.Role == recipe.RoleSource && a.stray(k.Entry) {
		return late
	}
	gate := s.Role == recipe.RoleGate
	for i, id := range s.Out {
		e := a.plan.Edge(id)
		wait := max(e.TTL, patience)
		if gate {
			wait = max(wait, a.plan.Edge(s.In[0]).TTL)
		}
		if e.TTL == 0 && !gate || now-k.at <= wait {
			continue
		}
		counts := k.Counts[e.FromPort]
		for part := range counts {
			parts := PartOf(k.Entry, len(counts), part)
			ord := recipe.Ordinal{Split: k.Ord.Split, N: k.Ord.N, Lane: k.Ord.Lane + uint16(e.LaneBase), Path: parts.Path()}
			if !a.committed(e.To, ord) {
				late = append(late, lateFrame{k, gate, e, i, part, parts, ord})
			}
		}
	}
	return late
}

// expired is the entry of a gate for a frame that the server has expired.
func (a *Accountant) expired(l lateFrame) *Entry {
	n := int64(l.Counts[l.edge.FromPort][l.part])
	if l.LostAt(l.out) {
		n = 0
	}
	return &Entry{Step: l.edge.To, Ord: l.ord, Parts: l.parts, EndSplit: l.EndSplit, EndSource: l.EndSource,
		Verdict: Expired, In: n, Counts: Empty(&a.plan.Steps[l.edge.To])}
}

// stray reports whether a source's entry may lie behind the end of its split: an attempt
// that did not know of the end committed it, and nobody publishes it. Before the account
// has come that far nobody can tell.
func (a *Accountant) stray(e *Entry) bool {
	end, known := a.ends[splitKey{e.Step, e.Ord.Split}]
	return !a.Fold.Steps[e.Step].Lanes[0].Passed(e.Ord) || known && e.Ord.N > end || a.Mark(e.Step).Below(e.Ord.Split, e.Ord.N)
}

// committed reports whether the ledger has, or had, an entry of a step for an ordinal.
func (a *Accountant) committed(step int, o recipe.Ordinal) bool {
	if a.Fold.Steps[step].Lanes[o.Lane].Passed(o) {
		return true
	}
	_, early := a.early[step][o]
	_, kept := a.kept[ledgerKey{step, o}]
	return early || kept
}
