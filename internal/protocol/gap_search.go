package protocol

import (
	"slices"

	"sluice/recipe"
)

// search is one look for a lost entry.
type search struct {
	a           *Accountant
	held        []Held
	last        uint64
	waiting     Waiting
	seqs        map[uint64]bool
	first, done map[ledgerKey]uint64 // the sequences of first and second entries
}

func (s *search) holds(k ledgerKey) bool { return s.first[k] > 0 || s.done[k] > 0 }

func (s *search) passed(k ledgerKey) bool {
	return s.a.Fold.Steps[k.step].Lanes[k.ord.Lane].Passed(k.ord)
}

// read finds an entry that was read and is not held any more. Entries that are due to be
// purged are all held or none is.
func (s *search) read() (ledgerKey, bool) {
	gone := func(r ledgerRef) bool { return !s.seqs[r.seq] }
	for source, queue := range s.a.queue {
		due := queue[:s.a.due[source]]
		if !slices.ContainsFunc(due, func(r ledgerRef) bool { return !gone(r) }) {
			queue = queue[len(due):]
		}
		if i := slices.IndexFunc(queue, gone); i >= 0 {
			return queue[i].key, true
		}
	}
	return ledgerKey{}, false
}

// second finds a frame that has one of its two entries only. The second one is younger, so
// it is not purged before the first; and what is not counted is not purged at all.
func (s *search) second() (ledgerKey, bool) {
	for _, h := range s.held {
		k := ledgerKey{h.Step, h.Ord}
		lost := h.Twice(Arrival(&s.a.plan.Steps[h.Step])) && !h.Done && s.done[k] == 0 && s.passed(k)
		if lost || h.Done && s.first[k] == 0 && !s.passed(k) {
			return k, true
		}
	}
	return ledgerKey{}, false
}

// counted finds a lane that holds fewer entries than were counted and not purged.
func (s *search) counted() (ledgerKey, bool) {
	type lane struct {
		step int
		lane uint16
	}
	have := map[lane]int64{}
	for k, seq := range s.first {
		if s.passed(k) && seq >= s.a.Fold.Below[s.a.plan.Steps[k.step].Lanes[k.ord.Lane].Source] {
			have[lane{k.step, k.ord.Lane}]++
		}
	}
	for i := range s.a.Fold.Steps {
		for l, kept := range s.a.Fold.Steps[i].Kept {
			if have[lane{i, uint16(l)}] < kept {
				return s.hole(i, uint16(l)), true
			}
		}
	}
	return ledgerKey{}, false
}

// hole says which frame of a lane was counted and has no entry: one that a step above has
// an entry for, since that is older; or else the youngest that a step below has one for.
func (s *search) hole(step int, lane uint16) ledgerKey {
	c := s.a.Fold.Steps[step].Lanes[lane]
	best := ledgerKey{step, recipe.Ordinal{Split: c.Split, N: c.N, Lane: lane}}
	for _, h := range s.held {
		for _, k := range s.children(h.Entry) {
			if k.step == step && k.ord.Lane == lane && s.passed(k) && s.first[k] == 0 {
				return k
			}
		}
		for _, k := range s.parents(h.Entry) {
			if k.step == step && k.ord.Lane == lane && s.first[k] == 0 {
				best = k
			}
		}
	}
	return best
}

// orphan finds a frame that a step below has an entry for while the step above neither
// holds nor has counted one: so it can't have been purged.
func (s *search) orphan() (ledgerKey, bool) {
	for _, h := range s.held {
		if k, found := s.unknown(h.Entry); found {
			return k, true
		}
	}
	return ledgerKey{}, false
}

// shown finds such a frame by what waits on an edge: it was committed before it was
// published.
func (s *search) shown() (best ledgerKey, found bool) {
	for id, frames := range s.waiting.frames {
		for o, parts := range frames {
			k, lost := s.unknown(&Entry{Step: s.a.plan.Edge(id).To, Ord: o, Parts: parts})
			if lost && (!found || k.step < best.step || k.step == best.step && k.ord.Compare(best.ord) < 0) {
				best, found = k, true
			}
		}
	}
	return best, found
}

// unknown returns the frame that an entry's frame was made of, when there neither is nor was
// an entry for it.
func (s *search) unknown(e *Entry) (ledgerKey, bool) {
	parents := s.parents(e)
	known := func(k ledgerKey) bool { return s.holds(k) || s.passed(k) }
	if len(parents) == 0 || slices.ContainsFunc(parents, known) {
		return ledgerKey{}, false
	}
	return parents[0], true
}

// untaken returns the parts of a frame that waits still for a step that acknowledges what it
// has committed: so nobody has committed it. An ordered step acknowledges late.
func (s *search) untaken(k ledgerKey) (parts recipe.Parts, waits bool) {
	if s.a.plan.Steps[k.step].Role != recipe.RoleOrdered {
		parts, waits = s.waiting.frames[s.a.edgeOf(k)][k.ord]
	}
	return parts, waits
}

// again finds an entry that is younger than that of the frame made of it: it was taken out
// and then made again. A latecomer looks like that, too.
func (s *search) again() (ledgerKey, bool) {
	for _, h := range s.held {
		for _, k := range s.parents(h.Entry) {
			if s.first[k] > h.Seq {
				return k, true
			}
		}
	}
	return ledgerKey{}, false
}

// stuck finds a frame that has no entry and does not wait while frames behind it on its lane
// have one: the one with most of those in its own split, since splits are read side by side.
func (s *search) stuck() (best ledgerKey, found bool) {
	lanes := map[ledgerKey][]Held{} // by step and lane
	for _, h := range s.held {
		if k := (ledgerKey{h.Step, h.Ord}); !h.Done && !s.passed(k) {
			l := ledgerKey{h.Step, recipe.Ordinal{Lane: h.Ord.Lane}}
			lanes[l] = append(lanes[l], h)
		}
	}
	var most [2]int
	for l, held := range lanes {
		slices.SortFunc(held, func(a, b Held) int { return a.Ord.Compare(b.Ord) })
		c, held := s.gapOf(l, held)
		if c.Done || len(held) == 0 {
			continue
		}
		k := ledgerKey{l.step, c.at(l.ord.Lane)}
		score := [2]int{0, len(held)}
		for _, h := range held {
			if h.Ord.Split == c.Split {
				score[0]++
			}
		}
		by := slices.Compare(score[:], most[:])
		if by > 0 || by == 0 && (k.step < best.step || k.step == best.step && k.ord.Lane < best.ord.Lane) {
			best, most = k, score
		}
	}
	return best, most[1] > 0
}

// gapOf returns the first place of a lane, from where the fold is, that is neither held nor
// waits, and what is held behind it. held is all of the lane, in order.
func (s *search) gapOf(l ledgerKey, held []Held) (Cursor, []Held) {
	c := s.a.Fold.Steps[l.step].Lanes[l.ord.Lane]
	for len(held) > 0 {
		h := held[0]
		if c.At(h.Ord) {
			c, held = c.Next(h.Parts, h.EndSplit, h.EndSource), held[1:]
			continue
		}
		parts, waits := s.untaken(ledgerKey{l.step, c.at(l.ord.Lane)})
		if !waits || c.Split != h.Ord.Split {
			break
		}
		c = c.Next(parts, false, false)
	}
	return c, held
}

// newest finds a lane whose next entry may have had the youngest of the sequences that
// nobody purged and nobody holds: all its entries are older, and so is that of the step
// above for the frame. Of several lanes it takes the one that was, or got, at work last.
func (s *search) newest() (best ledgerKey, found bool) {
	gone := s.last
	for gone > 0 && s.seqs[gone] {
		gone--
	}
	for _, below := range s.a.Fold.Below {
		if gone < below {
			return best, false
		}
	}
	type lane struct {
		step int
		lane uint16
	}
	made, tip := map[ledgerKey]uint64{}, map[lane]Held{} // by frame when it was made; by lane its last entry
	for _, h := range s.held {
		for _, k := range s.children(h.Entry) {
			made[k] = h.Seq
		}
		if l := (lane{h.Step, h.Ord.Lane}); tip[l].Entry == nil || tip[l].Ord.Compare(h.Ord) < 0 {
			tip[l] = h
		}
	}
	var at uint64
	for i := range s.a.plan.Steps {
		for l, c := range s.a.Fold.Steps[i].Lanes {
			h := tip[lane{i, uint16(l)}]
			if h.Entry != nil {
				c = Cursor{Split: h.Ord.Split, N: h.Ord.N, Path: h.Ord.Path}.Next(h.Parts, h.EndSplit, h.EndSource)
			}
			k := ledgerKey{i, c.at(uint16(l))}
			source, m := s.a.plan.Steps[i].Role == recipe.RoleSource, made[k]
			_, waits := s.untaken(k)
			if work := max(h.Seq, m); !c.Done && work > at && work < gone && (source || m > 0) && !waits {
				best, at = k, work
			}
		}
	}
	return best, at > 0
}

// children are the frames that readers take of what an entry says was made.
func (s *search) children(e *Entry) (keys []ledgerKey) {
	for _, id := range s.a.plan.Steps[e.Step].Out {
		edge := s.a.plan.Edge(id)
		counts := e.Counts[edge.FromPort]
		for i := range counts {
			keys = append(keys, ledgerKey{edge.To, recipe.Ordinal{Split: e.Ord.Split, N: e.Ord.N,
				Lane: e.Ord.Lane + uint16(edge.LaneBase), Path: PartOf(e, len(counts), i).Path()}})
		}
	}
	return keys
}

// parents are the frames that an entry's frame may have been made of: the step above made
// one of one, or this is a part. None for a source.
func (s *search) parents(e *Entry) (keys []ledgerKey) {
	edge := s.a.edgeOf(ledgerKey{e.Step, e.Ord})
	if edge == "" || s.a.plan.Steps[e.Step].Role == recipe.RoleSource {
		return nil
	}
	x := s.a.plan.Edge(edge)
	o := e.Ord
	o.Lane -= uint16(x.LaneBase)
	keys = []ledgerKey{{x.From, o}}
	if len(e.Parts) >= 2 {
		if up := e.Parts[:len(e.Parts)-2].Path(); up != o.Path {
			o.Path = up
			keys = append(keys, ledgerKey{x.From, o})
		}
	}
	return keys
}
