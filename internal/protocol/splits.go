package protocol

// Splits takes the number of splits of a source.
func (a *Accountant) Splits(step int, count uint32) { a.open[step].count = count }

// Split takes the checkpoint of a split.
func (a *Accountant) Split(step int, split uint32, st SplitState) {
	o := &a.open[step]
	if split < o.passed || o.states[split] == st {
		return
	}
	o.states[split], a.news = st, true
	for o.states[o.low].Done {
		o.low++
	}
}

// done reports whether the checkpoint of a split says done.
func (s *splits) done(split uint32) bool { return split < s.passed || s.states[split].Done }

// SplitsPassed returns how much of a source's splits has passed every step, from 0 to 1,
// and -1 when that is not known. c is its place among [Accountant.Hindmost], below are the sizes of the splits, summed up from 0, in
// the unit of their offsets; without them every split counts alike.
//
// A split's checkpoint says how far so many frames reach; a step that has taken a part of
// them has done that part.
func (a *Accountant) SplitsPassed(step int, c Cursor, below []int64) float64 {
	o := &a.open[step]
	switch {
	case c.Done:
		return 1
	case o.count == 0:
		return -1
	}
	for ; o.passed < min(c.Split, o.low); o.passed++ {
		delete(o.states, o.passed)
	}
	st := o.states[c.Split]
	part := 1.0 // of the split that is in work
	if c.N < st.N {
		part = float64(c.N) / float64(st.N)
	}
	if len(below) != int(o.count)+1 {
		switch {
		case st.Done:
		case o.count == 1:
			return -1
		default:
			part = 0
		}
		return (float64(min(c.Split, o.count)) + part) / float64(o.count)
	}
	if c.Split >= o.count {
		return 1
	}
	reach, size := st.Offset, below[c.Split+1]-below[c.Split]
	if st.Done {
		reach = size
	}
	return (float64(below[c.Split]) + part*float64(min(reach, size))) / float64(below[o.count])
}

// Hindmost returns by source the lowest place among its lanes, at all steps.
func (a *Accountant) Hindmost() map[int]Cursor {
	low := map[int]Cursor{}
	for i := range a.plan.Steps {
		for l, lane := range a.plan.Steps[i].Lanes {
			c := a.Fold.Steps[i].Lanes[l]
			if known, ok := low[lane.Source]; !ok || c.before(known) {
				low[lane.Source] = c
			}
		}
	}
	return low
}

// SplitsDone reports whether the checkpoints of all splits of a source say done.
func (a *Accountant) SplitsDone(step int) bool {
	o := &a.open[step]
	return o.count > 0 && o.low >= o.count
}
