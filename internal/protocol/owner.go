package protocol

import (
	"time"

	"sluice/recipe"
)

// An owner takes a checkpoint after so many frames, or when so much time has passed
// since the first frame that none covers.
const (
	checkpointEvery = 16
	checkpointAfter = 5 * time.Millisecond
)

// Checkpoint is what an owner saves, by compare-and-set: the places of its lanes behind
// the frames that the checkpoint covers, and, through the driver, the state's change.
type Checkpoint struct {
	Rev     uint64 // counts up by one; the compare-and-set is on it
	Cursors Cursors
	// Last is the entry of the frame that ends the input of a sink. A sink saves its
	// last checkpoint before it seals and commits that entry behind it.
	Last *Entry
}

// Owner is the machine of one reign over an ordered step: frames are applied one after
// the other in the order split, n, lane, part; each is committed and published; a
// checkpoint covers some of them, and only then are they acknowledged. Early frames are
// held back, unacknowledged. A sink's last frame goes: apply, save, seal, commit, ack.
type Owner struct {
	cfg     OwnerConfig
	cursors Cursors // behind the frames applied
	saved   Cursors // behind the frames of the last checkpoint
	ports   []int   // input port of each lane
	early   map[recipe.Ordinal]ID
	frames  map[ID]*owned
	copies  map[recipe.Ordinal][]ID // of frames applied but not covered: acknowledged with them
	ledger  map[recipe.Ordinal]*Entry
	line    []*owned // applied, oldest first, not yet acknowledged
	applies *owned   // with the driver
	rev     uint64
	pending []*pendingCheckpoint
	since   int // frames applied since the last capture
	first   time.Duration
	wake    bool
	outs    outlets
	flag    bool
	over    bool
	sealing *Entry
	acts    []Action
}

// OwnerConfig describes the step.
type OwnerConfig struct {
	Ports  []int // output port of each out-edge
	Lanes  []int // input port of each lane
	Sink   bool
	Window int // frames applied and not yet published
	Rules  Rules
}

type owned struct {
	Frame
	id      ID
	verdict Verdict
	entry   *Entry
	state   uint8
	left    int
	last    bool // the end of the step's input
}

const (
	ownApplying = iota
	ownCommitting
	ownPublishing
	ownThrough
)

type pendingCheckpoint struct {
	ck     *Checkpoint
	frames []*owned
	asked  bool
}

// NewOwner returns the machine of a reign that begins at a checkpoint. entries are the
// ledger's entries of the step for frames that the checkpoint does not cover: an earlier
// reign got that far, and they are followed.
func NewOwner(c OwnerConfig, at Checkpoint, entries []*Entry) *Owner {
	m := &Owner{cfg: c, cursors: append(Cursors(nil), at.Cursors...), saved: append(Cursors(nil), at.Cursors...), ports: c.Lanes, rev: at.Rev,
		early: map[recipe.Ordinal]ID{}, frames: map[ID]*owned{}, copies: map[recipe.Ordinal][]ID{}, ledger: map[recipe.Ordinal]*Entry{}, outs: newOutlets(len(c.Ports))}
	if len(m.cursors) == 0 {
		m.cursors, m.saved = make(Cursors, len(c.Lanes)), make(Cursors, len(c.Lanes))
	}
	if !c.Rules.NoFollow {
		for _, e := range entries {
			m.ledger[e.Ord] = e
		}
	}
	if _, more := m.cursors.Pick(); !more && c.Sink && at.Last != nil {
		m.sealing = at.Last
		m.do(Action{Op: OpSeal})
	}
	return m
}

// Take returns the actions that wait to be carried out, in order, and forgets them.
func (m *Owner) Take() []Action {
	a := m.acts
	m.acts = nil
	return a
}

// Over reports whether the reign has ended and must be restarted from the checkpoint.
func (m *Owner) Over() bool { return m.over }

// Cursors returns the places of the lanes behind the last checkpoint: the step's
// watermark, for the sources above it.
func (m *Owner) Cursors() Cursors { return m.saved }

// Held returns the number of frames that came early.
func (m *Owner) Held() int { return len(m.early) }

// Flag says that no step below wants more: frames from now on are skipped.
func (m *Owner) Flag() { m.flag = true }

// Deliver takes a frame in hand.
func (m *Owner) Deliver(id ID, f Frame, now time.Duration) {
	switch {
	case m.saved[f.Ord.Lane].Passed(f.Ord):
		m.do(Action{Op: OpAck, ID: id})
	case m.cursors[f.Ord.Lane].Passed(f.Ord):
		m.copies[f.Ord] = append(m.copies[f.Ord], id)
	default:
		if _, held := m.early[f.Ord]; held {
			m.do(Action{Op: OpAck, ID: id}) // another copy: one is enough
			return
		}
		m.early[f.Ord] = id
		m.frames[id] = &owned{Frame: f, id: id}
		m.next(now)
	}
}

// next applies the frame whose turn it is, if it is there.
func (m *Owner) next(now time.Duration) {
	if m.over || m.applies != nil {
		return
	}
	lane, more := m.cursors.Pick()
	if !more || m.outs.blocked() || len(m.line) >= m.cfg.Window {
		m.capture(now, !more)
		return
	}
	c := m.cursors[lane]
	ord := recipe.Ordinal{Split: c.Split, N: c.N, Lane: uint16(lane), Path: c.Path}
	id, here := m.early[ord]
	if !here {
		m.capture(now, false)
		return
	}
	delete(m.early, ord)
	fr := m.frames[id]
	m.applies = fr
	m.apply(fr, lane)
}

func (m *Owner) apply(fr *owned, lane int) {
	a := Action{Op: OpCompute, ID: fr.id, Follow: m.ledger[fr.Ord]}
	switch {
	case a.Follow != nil:
		a.Verdict = a.Follow.Verdict
	case fr.Bad:
		a.Verdict = Dead
	case m.flag:
		a.Verdict = Skipped
	}
	fr.verdict = a.Verdict
	was := m.cursors[lane]
	m.cursors[lane] = was.Next(fr.Parts, fr.EndSplit, fr.EndSource)
	if m.cursors[lane].Done {
		a.Ended, a.Finish = m.ended(lane)
	}
	fr.last = a.Finish
	m.do(a)
}

// ended tells which input port ends with a lane, and whether the whole input does.
func (m *Owner) ended(lane int) ([]int, bool) {
	port, ports := true, true
	for i, c := range m.cursors {
		if !c.Done {
			ports = false
			port = port && m.ports[i] != m.ports[lane]
		}
	}
	if !port {
		return nil, ports
	}
	return []int{m.ports[lane]}, ports
}

// Computed answers OpCompute; see [Relay.Computed].
func (m *Owner) Computed(id ID, e *Entry, now time.Duration) {
	fr := m.applies
	m.applies = nil
	e.Ord, e.Parts, e.EndSplit, e.EndSource = fr.Ord, fr.Parts, fr.EndSplit, fr.EndSource
	e.Verdict, e.In = fr.verdict, fr.Records
	if w := m.ledger[fr.Ord]; w != nil {
		e.Lost = w.Lost
	}
	fr.entry = e
	m.line = append(m.line, fr)
	if m.since++; m.since == 1 {
		m.first = now
	}
	switch {
	case m.cfg.Sink && fr.last: // sealed first
		fr.state = ownThrough
	case m.cfg.Rules.PublishFirst:
		m.publish(fr, now)
	case m.ledger[fr.Ord] != nil:
		delete(m.ledger, fr.Ord)
		m.publish(fr, now)
	default:
		fr.state = ownCommitting
		m.do(Action{Op: OpCommit, ID: id, Entry: e})
	}
	if m.since >= checkpointEvery {
		m.capture(now, true)
	}
	m.next(now)
}

// Committed answers OpCommit.
func (m *Owner) Committed(id ID, r Result, now time.Duration) {
	if m.over {
		return
	}
	if m.sealing != nil && id == 0 {
		m.sealed(r)
		return
	}
	fr := m.frames[id]
	switch {
	case r == Failed:
		m.do(Action{Op: OpCommit, ID: id, Entry: fr.entry})
	case m.cfg.Rules.PublishFirst:
		m.through(fr, now)
	case r == Refused:
		m.do(Action{Op: OpLookup, ID: id})
	default:
		m.publish(fr, now)
	}
}

// Looked answers OpLookup. An entry that asks for something else than what was applied
// means that the state went another way: the reign starts again from its checkpoint.
func (m *Owner) Looked(id ID, e *Entry, now time.Duration) {
	fr := m.frames[id]
	switch {
	case m.over:
	case e == nil:
		m.through(fr, now)
	case m.cfg.Rules.NoFollow || fr.entry.Same(e):
		m.publish(fr, now)
	case e.Verdict == fr.verdict && sameCounts(e, fr.entry): // only the full edges differ
		fr.entry = e
		m.publish(fr, now)
	default:
		m.restart()
	}
}

func sameCounts(a, b *Entry) bool {
	c := *a
	c.Lost = b.Lost
	return c.Same(b)
}

func (m *Owner) publish(fr *owned, now time.Duration) {
	fr.state = ownPublishing
	if fr.left = m.outs.publishAll(fr.id, fr.entry, m.cfg.Ports, now, &m.acts); fr.left == 0 {
		m.published(fr, now)
	}
}

// Published answers OpPublish.
func (m *Owner) Published(id ID, edge, part int, r Result, now time.Duration) {
	if m.over || !m.outs.at(edge).answer(unit{id: id, edge: edge, part: part}, r, now, &m.acts) {
		return
	}
	fr := m.frames[id]
	if fr.left--; fr.left == 0 {
		m.published(fr, now)
	}
}

func (m *Owner) published(fr *owned, now time.Duration) {
	if m.cfg.Rules.PublishFirst {
		fr.state = ownCommitting
		m.do(Action{Op: OpCommit, ID: fr.id, Entry: fr.entry})
		return
	}
	m.through(fr, now)
}

func (m *Owner) through(fr *owned, now time.Duration) {
	fr.state = ownThrough
	m.saveReady()
	m.next(now)
}

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
		ck.Last = last.entry
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

// Saved answers OpSave. Refused means that there is another owner by now.
func (m *Owner) Saved(ck *Checkpoint, r Result, now time.Duration) {
	switch {
	case m.over:
		return
	case r == Failed:
		m.do(Action{Op: OpSave, Checkpoint: ck})
		return
	case r == Refused:
		m.restart()
		return
	}
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
	m.do(Action{Op: OpAck, ID: fr.id})
	for _, id := range m.copies[fr.Ord] {
		m.do(Action{Op: OpAck, ID: id})
	}
	delete(m.copies, fr.Ord)
}

// Sealed answers OpSeal. The last entry is committed under ID 0.
func (m *Owner) Sealed(r Result) {
	switch {
	case m.over:
	case r == OK:
		m.do(Action{Op: OpCommit, Entry: m.sealing})
	default:
		m.do(Action{Op: OpSeal})
	}
}

func (m *Owner) sealed(r Result) {
	if r == Failed {
		m.do(Action{Op: OpCommit, Entry: m.sealing})
		return
	}
	m.sealing = nil
}

// Tick is called when a wake-up is due.
func (m *Owner) Tick(now time.Duration) {
	m.wake = false
	m.outs.tick(now, &m.acts)
	m.next(now)
}

// Stop captures what was applied, so that the next reign begins there; the driver waits
// until Settled or for as long as it likes.
func (m *Owner) Stop(now time.Duration) { m.capture(now, true) }

// Settled reports whether nothing is applied that no checkpoint covers.
func (m *Owner) Settled() bool {
	return m.over || m.since == 0 && len(m.pending) == 0 && m.applies == nil && m.sealing == nil
}

func (m *Owner) restart() {
	m.over = true
	m.do(Action{Op: OpRestart})
}

func (m *Owner) do(a Action) { m.acts = append(m.acts, a) }
