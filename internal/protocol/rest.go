package protocol

import (
	"maps"

	"sluice/recipe"
)

// Rest is what the ledger held when a job had come to rest, by step and lane: by it an entry
// that is taken out before the job goes on is known, even one that nobody had read.
type Rest struct {
	Last  uint64         `json:"last"`            // the ledger's last sequence; what is behind it is not counted
	Below map[int]uint64 `json:"below,omitempty"` // by source: what is before it was purged, or is due
	Lanes [][]RestLane   `json:"lanes"`
}

// RestLane counts the entries of a lane and sums up their ordinals.
type RestLane struct {
	Entries int64  `json:"entries"`
	Splits  uint32 `json:"splits"`
	Frames  uint64 `json:"frames"`
}

// Rest counts what the ledger holds. below are the fold's.
func (a *Accountant) Rest(held []Held, last uint64) *Rest {
	r := &Rest{Last: last, Below: maps.Clone(a.Fold.Below)}
	r.Lanes = a.restLanes(r, held)
	return r
}

// restLanes counts what is held of what a rest covers.
func (a *Accountant) restLanes(r *Rest, held []Held) [][]RestLane {
	lanes := make([][]RestLane, len(a.plan.Steps))
	for i := range a.plan.Steps {
		lanes[i] = make([]RestLane, len(a.plan.Steps[i].Lanes))
	}
	for _, h := range held {
		if h.Seq <= r.Last && h.Seq >= r.Below[a.plan.Steps[h.Step].Lanes[h.Ord.Lane].Source] {
			l := &lanes[h.Step][h.Ord.Lane]
			l.Entries++
			l.Splits += h.Ord.Split
			l.Frames += h.Ord.N
		}
	}
	return lanes
}

// Rested tells what the ledger held when the job came to rest; nil when that is not known,
// or as soon as the job goes on with the ledger whole.
func (a *Accountant) Rested(r *Rest) { a.rest = r }

// rested finds an entry that was there when the job came to rest. Of one it knows the frame;
// of several the lane.
func (s *search) rested() (ledgerKey, bool) {
	if s.a.rest == nil || len(s.a.rest.Lanes) != len(s.a.plan.Steps) {
		return ledgerKey{}, false
	}
	for i, lanes := range s.a.restLanes(s.a.rest, s.held) {
		for l, have := range lanes {
			had := s.a.rest.Lanes[i][l]
			switch gone := had.Entries - have.Entries; {
			case gone == 1:
				return ledgerKey{i, recipe.Ordinal{Split: had.Splits - have.Splits, N: had.Frames - have.Frames, Lane: uint16(l)}}, true
			case gone > 1:
				return s.hole(i, uint16(l)), true
			}
		}
	}
	return ledgerKey{}, false
}
