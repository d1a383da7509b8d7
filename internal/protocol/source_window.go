package protocol

import "time"

// A split without credit is given back after a while, for a while.
const (
	yieldAfter = time.Second
	yieldFor   = 500 * time.Millisecond
)

// Credit is what a source knows of the ordered steps below it, and of the job.
type Credit struct {
	Ordered bool   // is there any ordered step?
	Split   uint32 // the lowest place that one of them waits for
	N       uint64
	Done    bool // they have all that this source will ever make
	Tight   bool // they hold more bytes than they may: only the frame they wait for is let through
	Mark    Mark // below it all is done at every step
}

// mayCut applies the window rules to the next frame. Where it may not be cut, awaited says
// whether those that bound it wait for this split.
func (m *Source) mayCut() (may, awaited bool) {
	c := m.credit
	if !m.nearMark() {
		return false, m.split == c.Mark.Split
	}
	if !c.Ordered || c.Done || m.cfg.Rules.NoWindow || m.split < c.Split {
		return true, true
	}
	awaited = m.split == c.Split
	base := uint64(0)
	if awaited {
		base = c.N
	}
	if c.Tight && !m.cfg.Rules.NoBytes {
		return awaited && m.next <= base, awaited
	}
	return m.split < c.Split+uint32(m.cfg.Splits) && m.next < base+uint64(m.cfg.Frames), awaited
}

// nearMark bounds how far the source is in front of the job's mark, so that one frame that
// does not get through anywhere does not let the ledger grow without end: ordered steps alone
// do not bound it where there are none, or where they are not the slowest.
func (m *Source) nearMark() bool {
	return m.cfg.Ahead == 0 || m.cfg.Rules.NoAhead || Near(m.credit.Mark, m.split, m.next, m.cfg.Splits, m.cfg.Ahead)
}

// Near reports whether frame n of a split may be in flight while the mark is where it is:
// each of the first splits from the mark on may have ahead frames in front of it, and the
// further away another is, the fewer.
func Near(mark Mark, split uint32, n uint64, splits, ahead int) bool {
	if mark.All || split < mark.Split {
		return true
	}
	if split == mark.Split {
		return n < mark.N+uint64(ahead)
	}
	first := uint64(max(1, splits))
	return n < first*uint64(ahead)/max(first, uint64(split-mark.Split))
}

// starve waits for credit, and gives the split back when that takes long: a split that
// nobody waits for must not hold the slot that the one they wait for may need.
func (m *Source) starve(awaited bool, now time.Duration) {
	if m.starved < 0 {
		m.starved = now
		m.do(Action{Op: OpWake, After: yieldAfter})
		return
	}
	if now-m.starved < yieldAfter || m.cfg.Rules.NoYield || awaited {
		return
	}
	if len(m.cuts) == 0 && !m.saving {
		m.stop, m.returned = true, yieldFor
		m.checkpoint()
	}
}
