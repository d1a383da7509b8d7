package protocol

import (
	"slices"

	"sluice/recipe"
)

// frame is a frame's place on a lane of a step, without its parts.
type frame struct {
	step  int
	lane  uint16
	split uint32
	n     uint64
}

// Gap names the edge at which a stored entry was taken out of the ledger: one of its ends
// has an entry for a frame and the other, which had counted it, has none any more. The
// driver asks when it has met a sequence that is missing; where there is one source, a purge
// never leaves a gap. It is false when what is left does not tell.
func (a *Accountant) Gap() (recipe.EdgeID, recipe.Ordinal, bool) {
	here := map[frame]bool{}
	stored := slices.Concat(a.queue...)
	for _, r := range stored {
		here[frame{r.key.step, r.key.ord.Lane, r.key.ord.Split, r.key.ord.N}] = true
	}
	for _, r := range stored { // the writer has it, so the reader's entry is younger and can't be purged
		for _, id := range a.plan.Steps[r.key.step].Out {
			e := a.plan.Edge(id)
			f := frame{e.To, r.key.ord.Lane + uint16(e.LaneBase), r.key.ord.Split, r.key.ord.N}
			if ord, lost := a.lost(here, f); lost {
				return id, ord, true
			}
		}
	}
	for _, sure := range []bool{true, false} { // the reader has it, and the writer has the one before, or might have purged this one
		for _, r := range stored {
			if id, ord, lost := a.unwritten(here, r, sure); lost {
				return id, ord, true
			}
		}
	}
	return "", recipe.Ordinal{}, false
}

// unwritten finds the in-edge of an entry's step whose writer has no entry for the frame.
func (a *Accountant) unwritten(here map[frame]bool, r ledgerRef, sure bool) (recipe.EdgeID, recipe.Ordinal, bool) {
	for _, id := range a.plan.Steps[r.key.step].In {
		e := a.plan.Edge(id)
		lane := int(r.key.ord.Lane) - e.LaneBase
		if lane < 0 || lane >= len(a.plan.Steps[e.From].Lanes) {
			continue
		}
		f := frame{e.From, uint16(lane), r.key.ord.Split, r.key.ord.N}
		before := f
		before.n--
		if !here[f] && (!sure || here[before]) {
			return id, recipe.Ordinal{Split: f.split, N: f.n, Lane: f.lane}, true
		}
	}
	return "", recipe.Ordinal{}, false
}

// lost reports whether a frame was counted and has no entry.
func (a *Accountant) lost(here map[frame]bool, f frame) (recipe.Ordinal, bool) {
	c := a.Fold.Steps[f.step].Lanes[f.lane]
	counted := c.Done || f.split < c.Split || f.split == c.Split && f.n < c.N
	return recipe.Ordinal{Split: f.split, N: f.n, Lane: f.lane}, counted && !here[f]
}
