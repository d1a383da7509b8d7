package protocol

import "time"

// Committed answers OpCommit.
func (m *Owner) Committed(id ID, r Result, now time.Duration) {
	if m.over {
		return
	}
	last := m.sealing != nil && id == 0
	fr := m.frames[id]
	switch {
	case r == Failed && last:
		m.retry.hold(Action{Op: OpCommit, Entry: m.sealing}, now, &m.acts)
		return
	case r == Failed:
		m.retry.hold(Action{Op: OpCommit, ID: id, Entry: fr.entry}, now, &m.acts)
		return
	}
	m.retry.answered()
	switch {
	case last:
		m.sealing = nil
	case fr.state == ownConfirming || m.cfg.Rules.PublishFirst:
		m.through(fr, now)
	case r == Refused:
		m.do(Action{Op: OpLookup, ID: id})
	default:
		m.publish(fr, now)
	}
}

// Looked answers OpLookup. An entry that asks for something else than what was applied
// means that the state went another way: the reign starts again from its checkpoint, and
// follows. What even then is not what the entry says comes of a node that is no function of
// the plan, the frame and the state: the job fails.
func (m *Owner) Looked(id ID, e *Entry, now time.Duration) {
	fr := m.frames[id]
	switch {
	case m.over:
	case e == nil:
		m.through(fr, now)
	case m.cfg.Rules.NoFollow || fr.entry.Same(e):
		m.publish(fr, now)
	case e.Verdict == fr.verdict && e.sameMade(fr.entry): // only the full edges differ
		fr.entry = e
		m.publish(fr, now)
	default:
		m.restart()
	}
}

func (m *Owner) publish(fr *owned, now time.Duration) {
	fr.state = ownPublishing
	if m.cfg.Rules.twice(fr.entry, false) && fr.mark == markUnknown && !(m.cfg.Sink && fr.last) {
		fr.mark = markAsked
		m.do(Action{Op: OpMark, ID: fr.id})
		return
	}
	if fr.left = m.outs.publishAll(fr.id, fr.entry, m.cfg.Ports, now, &m.acts); fr.left == 0 {
		m.published(fr, now)
	}
}

// Marked answers OpMark, which is asked for frames with dead letters, and before the job
// fails for what a node made. A frame below the mark means that another reign is far ahead.
func (m *Owner) Marked(id ID, below bool, now time.Duration) {
	switch fr := m.frames[id]; {
	case m.over:
	case below:
		m.restart()
	case m.differs != nil && m.differs.ID == id:
		m.over = true
		m.do(*m.differs)
	default:
		fr.mark = markBehind
		m.publish(fr, now)
	}
}

// Published answers OpPublish.
func (m *Owner) Published(id ID, edge, part int, r Result, now time.Duration) {
	if m.over {
		return
	}
	fr := m.frames[id]
	if !m.outs.at(edge).answer(unit{id, edge, part, fr.entry}, r, now, &m.acts) {
		return
	}
	if fr.left--; fr.left == 0 {
		m.published(fr, now)
	}
}

func (m *Owner) published(fr *owned, now time.Duration) {
	switch {
	case m.cfg.Sink && fr.last:
		m.through(fr, now)
	case m.cfg.Rules.twice(fr.entry, false):
		fr.state, fr.entry = ownConfirming, fr.entry.done()
		m.do(Action{Op: OpCommit, ID: fr.id, Entry: fr.entry})
	case m.cfg.Rules.PublishFirst:
		fr.state = ownCommitting
		m.do(Action{Op: OpCommit, ID: fr.id, Entry: fr.entry})
	default:
		m.through(fr, now)
	}
}

func (m *Owner) through(fr *owned, now time.Duration) {
	fr.state = ownThrough
	m.saveReady()
	m.next(now)
}
