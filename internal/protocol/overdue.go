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

// Overdue returns the help that is due. empty tells whether nothing is stored on an edge;
// patience is the time after which a gate's frame is published again where no ttl says it.
func (a *Accountant) Overdue(now, patience time.Duration, empty func(recipe.EdgeID) bool) []Overdue {
	var due []Overdue
	for _, queue := range a.queue {
		for _, r := range queue {
			if k := a.kept[r.key]; k != nil {
				due = append(due, a.overdueOf(k, now, patience, empty)...)
			}
		}
	}
	return due
}

func (a *Accountant) overdueOf(k *keptEntry, now, patience time.Duration, empty func(recipe.EdgeID) bool) []Overdue {
	var due []Overdue
	s := &a.plan.Steps[k.Step]
	if s.Role == recipe.RoleSource && a.stray(k.Entry) {
		return nil
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
		for part, n := range counts {
			parts := PartOf(k.Entry, len(counts), part)
			ord := recipe.Ordinal{Split: k.Ord.Split, N: k.Ord.N, Lane: k.Ord.Lane + uint16(e.LaneBase), Path: parts.Path()}
			if a.committed(e.To, ord) {
				continue
			}
			if gate {
				due = append(due, Overdue{Entry: k.Entry, Edge: i, Part: part})
			}
			if e.TTL > 0 && empty(id) {
				if k.LostAt(i) {
					n = 0
				}
				reader := &a.plan.Steps[e.To]
				due = append(due, Overdue{Expire: &Entry{Step: e.To, Ord: ord, Parts: parts, EndSplit: k.EndSplit, EndSource: k.EndSource,
					Verdict: Expired, In: int64(n), Counts: Empty(reader)}})
			}
		}
	}
	if len(due) > 0 {
		k.at = now // not again before the same time has passed
	}
	return due
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
