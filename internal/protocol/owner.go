package protocol

import (
	"maps"
	"slices"
	"time"

	"sluice/recipe"
)

// An owner takes a checkpoint after so many frames, or when so much time has passed
// since the first frame that none covers: after a short time when nothing else is there to
// be done, and after a longer one in any case. Sources are let on by checkpoints, so a step
// that takes long for a frame must not wait for the number.
const (
	checkpointEvery = 16
	checkpointAfter = 5 * time.Millisecond
	checkpointLate  = 50 * time.Millisecond
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
// held back, unacknowledged; a message that is delivered again while it is held is
// acknowledged with its frame, another message of the same ordinal at once. A sink's last frame goes: apply, save, seal, commit, ack.
//
// Commits are pipelined. That is safe because an owner's verdict is a function of the
// message alone: two reigns give the same one. So an owner never skips, though its readers
// may want no more: one reign may have heard of that before another, and what a later
// frame made of the state would differ between them.
type Owner struct {
	cfg     OwnerConfig
	cursors Cursors                   // behind the frames applied
	saved   Cursors                   // behind the frames of the last checkpoint
	ports   []int                     // input port of each lane
	hand    map[recipe.Ordinal]*owned // held or applied, not acknowledged
	frames  map[ID]*owned
	again   map[recipe.Ordinal][]ID // the same messages, delivered again: acknowledged with them
	ledger  map[recipe.Ordinal]*Entry
	line    []*owned // applied, oldest first, not yet acknowledged
	applies *owned   // with the driver
	rev     uint64
	pending []*pendingCheckpoint
	since   int // frames applied since the last capture
	first   time.Duration
	wake    bool
	outs    outlets
	window  Window
	stop    bool
	over    bool
	beat    time.Duration
	sealing *Entry
	differs *Action // what to do where the frame applied last is not what the entry says
	retry   retry
	acts    []Action
}

// OwnerConfig describes the step.
type OwnerConfig struct {
	Ports  []int // output port of each out-edge
	Lanes  []int // input port of each lane
	Sink   bool
	Window int           // frames applied and not yet covered by a checkpoint
	Share  float64       // of the 50 % rule; 0 is 0.5
	Every  int           // frames between two checkpoints; 0 is 16
	Beat   time.Duration // how often frames in hand are told to the broker; 0 never
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
	mark    uint8
}

const (
	ownCommitting = iota
	ownPublishing
	ownConfirming // commits its second entry
	ownThrough
)

type pendingCheckpoint struct {
	ck     *Checkpoint
	frames []*owned
	asked  bool
	doubt  bool // a save of it went unanswered: it may be stored
}

// NewOwner returns the machine of a reign that begins at a checkpoint. entries are the
// ledger's entries of the step for frames that the checkpoint does not cover: an earlier
// reign got that far, and they are followed.
func NewOwner(c OwnerConfig, at Checkpoint, entries []*Entry) *Owner {
	if c.Every == 0 {
		c.Every = checkpointEvery
	}
	m := &Owner{cfg: c, cursors: append(Cursors(nil), at.Cursors...), saved: append(Cursors(nil), at.Cursors...), ports: c.Lanes, rev: at.Rev,
		hand: map[recipe.Ordinal]*owned{}, frames: map[ID]*owned{}, again: map[recipe.Ordinal][]ID{}, ledger: map[recipe.Ordinal]*Entry{}, outs: newOutlets(len(c.Ports)),
		window: NewWindow(max(1, c.Window), c.Share)}
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
func (m *Owner) Held() int {
	n := len(m.hand) - len(m.line)
	if m.applies != nil {
		n--
	}
	return n
}

// Starved reports whether the frame whose turn it is has not come, while others have: it may
// be behind them.
func (m *Owner) Starved() bool {
	lane, more := m.cursors.Pick()
	return more && m.applies == nil && m.Held() > 0 && m.hand[m.cursors[lane].at(uint16(lane))] == nil
}

// Observe applies the 50 % rule; see [Window.Observe].
func (m *Owner) Observe(full, all int) { m.window.Observe(full, all) }

// Window returns how many frames may be applied and not yet covered by a checkpoint.
func (m *Owner) Window() int { return m.window.Size() }

// Blocked reports whether an out-edge is full: then nothing is applied.
func (m *Owner) Blocked() bool { return m.outs.blocked() }

// Deliver takes a frame in hand.
func (m *Owner) Deliver(id ID, f Frame, now time.Duration) {
	held := m.hand[f.Ord]
	switch {
	case m.over:
	case held != nil && held.Seq == f.Seq:
		m.again[f.Ord] = append(m.again[f.Ord], id)
	case held != nil || m.cursors[f.Ord.Lane].Passed(f.Ord):
		m.do(Action{Op: OpAck, ID: id})
	case f.Bad && m.ledger[f.Ord] != nil && m.ledger[f.Ord].Verdict == Run: // the whole copy is still stored
		m.do(Action{Op: OpAck, ID: id})
	default:
		fr := &owned{Frame: f, id: id}
		m.hand[f.Ord], m.frames[id] = fr, fr
		m.next(now)
	}
}

// next applies the frame whose turn it is, if it is there.
func (m *Owner) next(now time.Duration) {
	if m.over || m.applies != nil || m.differs != nil {
		return
	}
	lane, more := m.cursors.Pick()
	if !more || m.stop || m.outs.blocked() || len(m.line) >= m.window.Size() {
		m.capture(now, !more || m.stop)
		return
	}
	fr := m.hand[m.cursors[lane].at(uint16(lane))]
	if fr == nil {
		m.capture(now, false)
		return
	}
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

// Damaged says, before Computed, that the payload of the frame that is applied could not be
// read where it is stored: its records are dead.
func (m *Owner) Damaged(id ID) { m.frames[id].Bad, m.frames[id].verdict = true, Dead }

// Computed answers OpCompute; see [Relay.Computed].
func (m *Owner) Computed(id ID, e *Entry, now time.Duration) {
	fr := m.applies
	m.applies = nil
	e.Ord, e.Parts, e.EndSplit, e.EndSource = fr.Ord, fr.Parts, fr.EndSplit, fr.EndSource
	e.Verdict, e.In = fr.verdict, fr.Records
	if w := m.ledger[fr.Ord]; w != nil {
		if e.Lost = w.Lost; !e.sameMade(w) && !m.cfg.Rules.NoCompare {
			m.differs = &Action{Op: OpFail, ID: id, Entry: e, Follow: w}
			m.do(Action{Op: OpMark, ID: id})
			return
		}
	}
	fr.entry = e
	m.line = append(m.line, fr)
	if m.since++; m.since == 1 {
		m.first = now
	}
	switch {
	case m.cfg.Sink && fr.last: // sealed before it is committed
		m.publish(fr, now)
	case m.cfg.Rules.PublishFirst:
		m.publish(fr, now)
	case m.ledger[fr.Ord] != nil:
		delete(m.ledger, fr.Ord)
		m.publish(fr, now)
	default:
		fr.state = ownCommitting
		m.do(Action{Op: OpCommit, ID: id, Entry: e})
	}
	if m.since >= m.cfg.Every || now-m.first >= checkpointLate {
		m.capture(now, true)
	}
	m.next(now)
}

// Tick is called when a wake-up is due, and about every quarter of Beat.
func (m *Owner) Tick(now time.Duration) {
	if m.over {
		return
	}
	m.wake = false
	m.outs.tick(now, &m.acts)
	m.retry.tick(now, &m.acts)
	m.next(now)
	if m.cfg.Beat == 0 || now-m.beat < m.cfg.Beat {
		return
	}
	m.beat = now
	for _, id := range slices.Sorted(maps.Keys(m.frames)) {
		m.do(Action{Op: OpBeat, ID: id})
	}
}

// Stop applies nothing more and captures what was applied, so that the next reign begins
// there; the driver waits until Settled or for as long as it likes.
func (m *Owner) Stop(now time.Duration) {
	m.stop = true
	m.next(now)
}

// Settled reports whether nothing is applied that no checkpoint covers.
func (m *Owner) Settled() bool {
	return m.over || m.since == 0 && len(m.pending) == 0 && m.applies == nil && m.sealing == nil
}

func (m *Owner) restart() {
	m.over = true
	m.do(Action{Op: OpRestart})
}

func (m *Owner) do(a Action) { m.acts = append(m.acts, a) }
