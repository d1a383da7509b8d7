package protocol

import "time"

// Committed answers OpCommit.
func (m *Source) Committed(id ID, r Result, now time.Duration) {
	_, c := m.find(id)
	if c == nil { // discarded behind a frame that ended elsewhere
		return
	}
	if r == Failed {
		m.retry.hold(Action{Op: OpCommit, ID: id, Entry: c.entry}, now, &m.acts)
		return
	}
	m.retry.answered()
	if c.entry.Done || m.cfg.Rules.SourceUncommit {
		m.through(c)
		m.sweep()
		m.step(now)
		return
	}
	if r == Refused && !m.cfg.Rules.NoSourceFollow {
		c.state = cutLooking
		m.do(Action{Op: OpLookup, ID: id})
		return
	}
	c.state = cutSettled
	m.settle(now)
	m.step(now)
}

// Looked answers OpLookup: the entry that won. None means that others are far ahead: the
// attempt starts again from the split's checkpoint as it is now.
func (m *Source) Looked(id ID, e *Entry, now time.Duration) {
	i, c := m.find(id)
	if c == nil {
		return
	}
	if e == nil {
		m.restart()
		return
	}
	if c.entry.Same(e) {
		c.entry, c.state = e, cutSettled
		m.settle(now)
		m.step(now)
		return
	}
	m.discard(i)
	m.next, m.offset, m.ending, m.follow = c.n, e.Start, false, e
	if m.cutting {
		m.stale = true
		return
	}
	m.cutAgain()
}

// cutAgain cuts a frame as the entry that won says.
func (m *Source) cutAgain() {
	m.cutting = true
	m.do(Action{Op: OpCut, N: m.next, Start: m.follow.Start, Until: m.follow.End, Follow: m.follow})
}

// discard forgets the frames from index i on. None of them was published: frames are
// published in the order of their commits.
func (m *Source) discard(i int) {
	for _, c := range m.cuts[i:] {
		m.retry.forget(c.id)
		m.do(Action{Op: OpAck, ID: c.id})
	}
	m.cuts = m.cuts[:i]
}

// settle publishes the frames whose commits are known, up to the first that is not.
func (m *Source) settle(now time.Duration) {
	for _, c := range m.cuts {
		if c.state == cutPublished {
			continue
		}
		if c.state != cutSettled || !m.behindMark(c) {
			break
		}
		c.state = cutPublished
		c.left = m.outs.publishAll(c.id, c.entry, m.cfg.Ports, now, &m.acts)
		if m.cfg.Rules.SourceUncommit {
			c.left++
			m.do(Action{Op: OpCommit, ID: c.id, Entry: c.entry})
		}
	}
	m.sweep()
}

// behindMark reports whether a frame may be published: one with dead letters only when the
// job's mark, read behind its commit, is not above it; see [Relay].
func (m *Source) behindMark(c *cut) bool {
	if m.cfg.Rules.twice(c.entry, false) && c.mark == markUnknown && !m.cfg.Rules.SourceUncommit {
		c.mark = markAsked
		m.do(Action{Op: OpMark, ID: c.id})
	}
	return c.mark != markAsked
}

// Marked answers OpMark. A frame below the mark means that others are far ahead.
func (m *Source) Marked(id ID, below bool, now time.Duration) {
	_, c := m.find(id)
	switch {
	case c == nil || m.over:
	case below:
		m.restart()
	default:
		c.mark = markBehind
		m.settle(now)
		m.step(now)
	}
}
