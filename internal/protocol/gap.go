package protocol

import "sluice/recipe"

// Held is an entry that the ledger holds.
type Held struct {
	Seq uint64
	*Entry
}

// Loss is an entry that was taken out of the ledger. Edge is the one that its frame came
// by, or for a source's entry the first one that it went out by; "" where none is known.
type Loss struct {
	Edge  recipe.EdgeID
	Ord   recipe.Ordinal
	Trust Trust
}

// Trust says how sure a finding is.
type Trust uint8

// The grades of trust.
const (
	Guess  Trust = iota // an entry that may as well not have been made yet
	Likely              // an entry that may as well be on its way
	Sure                // what the ledger holds has no other explanation
)

// Gap finds which entry was taken out, from all that the ledger holds now, in its order, its
// last sequence, and the frames that were stored on the edges before it was read. The driver asks when more is missing than was purged (see [Fold]), and
// where it is not sure again a little later: what readers commit meanwhile may tell. But an
// entry that was still on its way is made again meanwhile, so an answer stands until there
// is a better one.
func (a *Accountant) Gap(held []Held, last uint64, waiting Waiting) Loss {
	s := search{a: a, held: held, last: last, waiting: waiting, seqs: map[uint64]bool{}, first: map[ledgerKey]uint64{}, done: map[ledgerKey]uint64{}}
	for _, h := range held {
		s.seqs[h.Seq] = true
		by := s.first
		if h.Done {
			by = s.done
		}
		by[ledgerKey{h.Step, h.Ord}] = h.Seq
	}
	for _, by := range []struct {
		find  func() (ledgerKey, bool)
		trust Trust
	}{{s.read, Sure}, {s.rested, Sure}, {s.second, Sure}, {s.counted, Sure}, {s.orphan, Sure}, {s.shown, Sure}, {s.again, Likely}, {s.stuck, Likely}, {s.newest, Guess}} {
		if k, found := by.find(); found {
			return Loss{a.edgeOf(k), k.ord, by.trust}
		}
	}
	edge, ord, _ := a.Missing()
	return Loss{Edge: edge, Ord: ord}
}

// edgeOf names the edge that a frame came by, or for a source's the first it goes out by.
func (a *Accountant) edgeOf(k ledgerKey) recipe.EdgeID {
	s := &a.plan.Steps[k.step]
	for _, id := range s.In {
		e := a.plan.Edge(id)
		if lane := int(k.ord.Lane) - e.LaneBase; lane >= 0 && lane < len(a.plan.Steps[e.From].Lanes) {
			return id
		}
	}
	if len(s.Out) > 0 {
		return s.Out[0]
	}
	return ""
}
