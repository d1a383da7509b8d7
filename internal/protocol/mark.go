package protocol

import "sluice/recipe"

// Mark is a place in the frames of one source.
type Mark struct {
	Split uint32 `json:"split"`
	N     uint64 `json:"n"`
	All   bool   `json:"all,omitempty"` // everything is below
}

// Below reports whether an ordinal is below the mark.
func (m Mark) Below(split uint32, n uint64) bool {
	return m.All || split < m.Split || split == m.Split && n < m.N
}

// Mark returns the job-wide mark of a source: all frames below it are done at every
// step, covered by every checkpoint of an ordered step, and behind the checkpoint of
// every unfinished split. It never goes back: behind a start the ordered steps have not
// told their places yet, but the mark that was written still holds.
func (a *Accountant) Mark(source int) Mark {
	m := a.mark(source)
	if was, ok := a.Fold.Marks[source]; ok && m.before(was) && !a.rules.MarksFall {
		return was
	}
	return m
}

// mark returns the mark as far as this accountant knows.
func (a *Accountant) mark(source int) Mark {
	m := Mark{All: true}
	for i := range a.plan.Steps {
		for l, lane := range a.plan.Steps[i].Lanes {
			if lane.Source != source {
				continue
			}
			m.lower(a.Fold.Steps[i].Lanes[l])
			if a.plan.Steps[i].Role == recipe.RoleOrdered {
				m.lower(a.marks[i][l])
			}
		}
	}
	if o := &a.open[source]; !a.rules.IgnoreCheckpoint && (o.count == 0 || o.low < o.count) {
		m.lower(Cursor{Split: o.low, N: o.states[o.low].N})
	}
	return m
}

// before reports whether a mark is lower than another one.
func (m Mark) before(b Mark) bool { return !m.All && b.Below(m.Split, m.N) }

// RaiseMarks brings the Fold's marks up to where they are now, for the fold to be written.
func (a *Accountant) RaiseMarks() {
	marks := map[int]Mark{}
	for i := range a.plan.Steps {
		if a.plan.Steps[i].Role == recipe.RoleSource {
			marks[i] = a.Mark(i)
		}
	}
	a.Fold.Marks = marks
}

// lower takes the mark down to a cursor.
func (m *Mark) lower(c Cursor) {
	if c.Done {
		return
	}
	if m.All || c.Split < m.Split || c.Split == m.Split && c.N < m.N {
		*m = Mark{Split: c.Split, N: c.N}
	}
}

// Purge says that the ledger's entries of a source's frames, at whatever step, are not
// needed below a sequence, and how many there are.
type Purge struct {
	Source int
	Below  uint64
	Count  uint64
}

// Purge returns what can be purged: entries below the marks. It goes source by source,
// since one source may be far ahead of another that is waited for. The driver takes the
// Fold with its marks raised and this at one moment, writes the Fold in one
// compare-and-set, and only then purges the ledger. It calls again when that is done: with
// this call the accountant forgets the entries that the last one returned.
func (a *Accountant) Purge() []Purge {
	var ps []Purge
	for source := range a.queue {
		queue, mark, n := a.queue[source][a.due[source]:], a.Mark(source), 0
		for n < len(queue) && a.purgeable(queue[n], mark) {
			a.leave(source, queue[n])
			n++
		}
		if a.queue[source], a.due[source] = queue, n; n > 0 {
			below := queue[n-1].seq + 1
			a.Fold.Purged, a.Fold.Below[source] = a.Fold.Purged+uint64(n), below
			ps = append(ps, Purge{source, below, uint64(n)})
		}
	}
	return ps
}

// purgeable reports whether an entry is below its source's mark.
func (a *Accountant) purgeable(r ledgerRef, m Mark) bool {
	if a.rules.FoldEachStep {
		own := a.Fold.Steps[r.key.step].Lanes[r.key.ord.Lane]
		m = Mark{Split: own.Split, N: own.N, All: own.Done}
	}
	return m.Below(r.key.ord.Split, r.key.ord.N)
}

// leave takes an entry that is to be purged out of the account.
func (a *Accountant) leave(source int, r ledgerRef) {
	delete(a.kept, r.key)
	if end := (splitKey{source, r.key.ord.Split}); r.key.step == source && a.ends[end] == r.key.ord.N {
		delete(a.ends, end)
	}
	if !r.done {
		a.Fold.Steps[r.key.step].Kept[r.key.ord.Lane]--
	}
}
