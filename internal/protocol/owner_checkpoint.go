package protocol

import "time"

// capture closes a checkpoint behind the frames applied so far: at once when it must be,
// otherwise when the oldest of them has waited.
func (m *Owner) capture(now time.Duration, must bool) {
	if m.since == 0 || m.applies != nil {
		return
	}
	if wait := m.first + checkpointAfter - now; !must && wait > 0 {
		if !m.wake {
			m.wake = true
			m.do(Action{Op: OpWake, After: wait})
		}
		return
	}
	m.rev++
	ck := &Checkpoint{Rev: m.rev, Cursors: append(Cursors(nil), m.cursors...)}
	p := &pendingCheckpoint{ck: ck, frames: append([]*owned(nil), m.line[len(m.line)-m.since:]...)}
	if last := m.line[len(m.line)-1]; last.last && m.cfg.Sink {
		if ck.Last = last.entry; m.cfg.Rules.twice(last.entry, false) { // its dead letters are published
			ck.Last = last.entry.done()
		}
	}
	m.since = 0
	m.pending = append(m.pending, p)
	m.do(Action{Op: OpCapture, Checkpoint: ck})
	m.saveReady()
}

// saveReady saves the oldest checkpoint when all of its frames are through. One is saved
// at a time: each continues the one before.
func (m *Owner) saveReady() {
	if len(m.pending) == 0 || m.pending[0].asked {
		return
	}
	for _, fr := range m.pending[0].frames {
		if fr.state != ownThrough {
			return
		}
	}
	m.pending[0].asked = true
	m.do(Action{Op: OpSave, Checkpoint: m.pending[0].ck})
}

// Saved answers OpSave. Refused means that there is another owner by now, unless a save of
// the same checkpoint went unanswered: then it may have been refused by itself.
func (m *Owner) Saved(ck *Checkpoint, r Result, now time.Duration) {
	switch {
	case m.over:
	case r == Failed:
		m.pending[0].doubt = true
		m.retry.hold(Action{Op: OpSave, Checkpoint: ck}, now, &m.acts)
	case r == Refused && m.pending[0].doubt && !m.cfg.Rules.NoRecall:
		m.do(Action{Op: OpRecall, Checkpoint: ck})
	case r == Refused:
		m.restart()
	default:
		m.retry.answered()
		m.covered(ck, now)
	}
}

// Recalled answers OpRecall: whether what is stored is this reign's own checkpoint.
func (m *Owner) Recalled(ck *Checkpoint, own bool, now time.Duration) {
	switch {
	case m.over:
	case own:
		m.covered(ck, now)
	default:
		m.restart()
	}
}

// covered goes on behind a checkpoint that is stored.
func (m *Owner) covered(ck *Checkpoint, now time.Duration) {
	p := m.pending[0]
	m.pending = m.pending[1:]
	m.saved = ck.Cursors
	m.line = m.line[len(p.frames):]
	if ck.Last != nil {
		m.sealing = ck.Last
		m.do(Action{Op: OpSeal})
	}
	for _, fr := range p.frames {
		m.release(fr)
	}
	m.saveReady()
	m.next(now)
}

func (m *Owner) release(fr *owned) {
	delete(m.frames, fr.id)
	delete(m.hand, fr.Ord)
	m.do(Action{Op: OpAck, ID: fr.id})
	for _, id := range m.again[fr.Ord] {
		m.do(Action{Op: OpAck, ID: id})
	}
	delete(m.again, fr.Ord)
}

// Sealed answers OpSeal. The last entry is committed under ID 0.
func (m *Owner) Sealed(r Result, now time.Duration) {
	switch {
	case m.over:
	case r == OK:
		m.do(Action{Op: OpCommit, Entry: m.sealing})
	default:
		m.retry.hold(Action{Op: OpSeal}, now, &m.acts)
	}
}
