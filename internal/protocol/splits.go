package protocol

// Splits takes the number of splits of a source.
func (a *Accountant) Splits(step int, count uint32) { a.open[step].count = count }

// Split takes the checkpoint of a split.
func (a *Accountant) Split(step int, split uint32, st SplitState) {
	o := &a.open[step]
	if split < o.low || o.states[split] == st {
		return
	}
	o.states[split], a.news = st, true
	for o.states[o.low].Done {
		delete(o.states, o.low)
		o.low++
	}
}

// SplitsRead returns how much of a source's splits is read, from 0 to 1, and -1 when that
// is not known. below are the sizes of the splits, summed up from 0, in the unit of their
// offsets; without them every split counts alike, and a single one says nothing.
func (a *Accountant) SplitsRead(step int, below []int64) float64 {
	o := &a.open[step]
	sized := len(below) == int(o.count)+1
	switch {
	case o.count == 0, !sized && o.count == 1 && o.low == 0:
		return -1
	case !sized:
		return float64(o.low) / float64(o.count)
	}
	done := below[min(o.low, o.count)]
	for split, st := range o.states {
		if split >= o.count {
			continue
		}
		size := below[split+1] - below[split]
		if st.Done {
			done += size
		} else {
			done += min(st.Offset, size)
		}
	}
	return float64(done) / float64(below[o.count])
}

// SplitsDone reports whether the checkpoints of all splits of a source say done.
func (a *Accountant) SplitsDone(step int) bool {
	o := &a.open[step]
	return o.count > 0 && o.low >= o.count
}
