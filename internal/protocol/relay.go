package protocol

import (
	"maps"
	"slices"
	"time"

	"sluice/recipe"
)

// Relay is the machine of a step that takes frames in any order: a stateless node, a
// gate, or a sink that takes them as they arrive. Per frame:
//
//	Deliver → compute → Computed → commit → Committed → publish… → Published… → ack
//
// A refused commit leads over lookup and Looked: the winning entry is followed, or, when
// the ledger has folded it, everybody below has it and the message is acknowledged.
//
// A gate decides at Deliver: too old, shed, or run; then its entry keeps the frame. An
// arrival sink commits its verdict, then reads the job's mark, then makes the effect
// happen, and commits a second entry behind it; so does whoever has dead letters to
// publish. The mark is read behind the commit: a
// latecomer's commit may be taken where the first was purged, but the mark was written
// before that purge. For the same reason it is read before the job fails for a node that did
// not make what the entry says: a latecomer above may have published another frame. A damaged copy of a frame that another attempt saw whole cannot
// follow it and is acknowledged: the whole copy is stored until somebody is through.
type Relay struct {
	cfg    RelayConfig
	rules  Rules
	window Window
	frames map[ID]*relayed
	outs   outlets
	flag   bool
	retry  retry
	acts   []Action
}

// RelayConfig describes the step.
type RelayConfig struct {
	Ports   []int         // output port of each out-edge
	Window  int           // frames in hand at most
	Share   float64       // of the 50 % rule; 0 is 0.5
	Beat    time.Duration // how often frames in hand are told to the broker
	Gate    bool
	TTL     time.Duration // gate: older frames are expired
	Shed    int64         // gate: backlog beyond which the oldest are dropped; 0 never
	Arrival bool
	Rules   Rules
}

type relayed struct {
	Frame
	verdict Verdict
	entry   *Entry
	follow  bool
	differs *Entry // what was made of the frame, where the entry says otherwise
	left    int    // publishes that are not through
	beat    time.Duration
}

// NewRelay returns the machine of a step with nothing in hand.
func NewRelay(c RelayConfig) *Relay {
	return &Relay{cfg: c, rules: c.Rules, window: NewWindow(c.Window, c.Share), frames: map[ID]*relayed{}, outs: newOutlets(len(c.Ports))}
}

// Take returns the actions that wait to be carried out, in order, and forgets them.
func (m *Relay) Take() []Action {
	a := m.acts
	m.acts = nil
	return a
}

// Room returns how many more frames the step wants: none while an edge is blocked.
func (m *Relay) Room() int {
	if m.outs.blocked() {
		return 0
	}
	return max(0, m.window.Size()-len(m.frames))
}

// InHand returns the number of frames that were delivered and not acknowledged.
func (m *Relay) InHand() int { return len(m.frames) }

// Observe applies the 50 % rule; see [Window.Observe].
func (m *Relay) Observe(full, all int) { m.window.Observe(full, all) }

// Window returns how many frames may be in hand now.
func (m *Relay) Window() int { return m.window.Size() }

// Flag says that no step below wants more: frames from now on are skipped.
func (m *Relay) Flag() { m.flag = true }

// Deliver takes a frame in hand. backlog is the number of messages that wait on the edge, it
// included; only a gate that sheds looks at it.
func (m *Relay) Deliver(id ID, f Frame, backlog int64, now time.Duration) {
	fr := &relayed{Frame: f, verdict: m.judge(f, backlog), beat: now}
	m.frames[id] = fr
	m.do(Action{Op: OpCompute, ID: id, Verdict: fr.verdict})
}

func (m *Relay) judge(f Frame, backlog int64) Verdict {
	switch {
	case m.cfg.Gate && m.cfg.TTL > 0 && f.Age > m.cfg.TTL:
		return Expired
	case m.cfg.Gate && m.cfg.Shed > 0 && backlog > m.cfg.Shed:
		return Dropped
	case f.Bad:
		return Dead
	case m.flag:
		return Skipped
	}
	return Run
}

// Marked answers OpMark: whether the frame is below the job's mark.
func (m *Relay) Marked(id ID, below bool, now time.Duration) {
	fr := m.frames[id]
	switch {
	case below:
		m.ack(id)
	case fr.differs != nil:
		m.do(Action{Op: OpFail, ID: id, Entry: fr.differs, Follow: fr.entry})
	default:
		m.effect(id, fr, now)
	}
}

// Damaged says, before Computed, that the payload of a frame could not be read where it is
// stored: its records are dead.
func (m *Relay) Damaged(id ID) { m.frames[id].Bad, m.frames[id].verdict = true, Dead }

// Computed answers OpCompute: what was made of the frame, in an entry whose counts,
// Dead, Discard, Lost, Full and Kept the driver has filled in.
func (m *Relay) Computed(id ID, e *Entry, now time.Duration) {
	fr := m.frames[id]
	if fr.follow { // made again after a lost race: the ledger's entry rules
		if !e.sameMade(fr.entry) && !m.rules.NoCompare {
			fr.differs = e
			m.do(Action{Op: OpMark, ID: id})
			return
		}
		m.through(id, fr, now)
		return
	}
	e.Ord, e.Parts, e.EndSplit, e.EndSource = fr.Ord, fr.Parts, fr.EndSplit, fr.EndSource
	e.Verdict, e.In = fr.verdict, fr.Records
	fr.entry = e
	switch {
	case m.rules.PublishFirst && !m.cfg.Arrival:
		m.publish(id, fr, now)
	case m.rules.NoClaim && m.cfg.Arrival:
		m.effect(id, fr, now)
	default:
		m.do(Action{Op: OpCommit, ID: id, Entry: e})
	}
}

// Committed answers OpCommit.
func (m *Relay) Committed(id ID, r Result, now time.Duration) {
	fr := m.frames[id]
	if r == Failed {
		m.retry.hold(Action{Op: OpCommit, ID: id, Entry: fr.entry}, now, &m.acts)
		return
	}
	m.retry.answered()
	switch {
	case fr.entry.Done || m.rules.PublishFirst && !m.cfg.Arrival:
		m.ack(id)
	case r == Refused && !m.rules.NoRelayFollow:
		m.do(Action{Op: OpLookup, ID: id})
	default:
		m.through(id, fr, now)
	}
}

// Looked answers OpLookup: the entry that won, or nil when it is folded.
func (m *Relay) Looked(id ID, e *Entry, now time.Duration) {
	fr := m.frames[id]
	if e == nil {
		m.ack(id)
		return
	}
	if fr.Bad && e.Verdict == Run && e.Kept == nil {
		m.ack(id)
		return
	}
	again := !fr.entry.Same(e) || e.Kept != nil
	fr.verdict, fr.entry = e.Verdict, e
	if again && !m.cfg.Arrival {
		fr.follow = true
		m.do(Action{Op: OpCompute, ID: id, Verdict: e.Verdict, Follow: e})
		return
	}
	m.through(id, fr, now)
}

// through goes on behind a commit.
func (m *Relay) through(id ID, fr *relayed, now time.Duration) {
	if fr.entry.Twice(m.cfg.Arrival) && !(m.rules.NoMark && m.cfg.Arrival) {
		m.do(Action{Op: OpMark, ID: id})
		return
	}
	m.effect(id, fr, now)
}

// effect lets the frame have its effect: in the world outside, or below.
func (m *Relay) effect(id ID, fr *relayed, now time.Duration) {
	if m.cfg.Arrival {
		m.do(Action{Op: OpEffect, ID: id, Verdict: fr.verdict})
		return
	}
	m.publish(id, fr, now)
}

// Effected answers OpEffect.
func (m *Relay) Effected(id ID, now time.Duration) { m.publish(id, m.frames[id], now) }

func (m *Relay) publish(id ID, fr *relayed, now time.Duration) {
	fr.left = m.outs.publishAll(id, fr.entry, m.cfg.Ports, now, &m.acts)
	if fr.left == 0 {
		m.published(id, fr)
	}
}

func (m *Relay) published(id ID, fr *relayed) {
	switch {
	case m.rules.twice(fr.entry, m.cfg.Arrival):
		fr.entry = fr.entry.done()
		m.do(Action{Op: OpCommit, ID: id, Entry: fr.entry})
	case m.rules.PublishFirst:
		m.do(Action{Op: OpCommit, ID: id, Entry: fr.entry})
	default:
		m.ack(id)
	}
}

// Published answers OpPublish.
func (m *Relay) Published(id ID, edge, part int, r Result, now time.Duration) {
	fr := m.frames[id]
	if !m.outs.at(edge).answer(unit{id, edge, part, fr.entry}, r, now, &m.acts) {
		return
	}
	if fr.left--; fr.left == 0 {
		m.published(id, fr)
	}
}

// Tick is called when a wake-up is due, and about every quarter of Beat.
func (m *Relay) Tick(now time.Duration) {
	m.outs.tick(now, &m.acts)
	m.retry.tick(now, &m.acts)
	if m.cfg.Beat == 0 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(m.frames)) {
		if fr := m.frames[id]; now-fr.beat >= m.cfg.Beat {
			fr.beat = now
			m.do(Action{Op: OpBeat, ID: id})
		}
	}
}

func (m *Relay) ack(id ID) {
	delete(m.frames, id)
	m.do(Action{Op: OpAck, ID: id})
}

func (m *Relay) do(a Action) { m.acts = append(m.acts, a) }

// Empty returns the counts of a frame without records on each of a step's output ports:
// what goes on where a frame was expired, dropped, dead or skipped.
func Empty(step *recipe.Step) [][]uint32 {
	c := make([][]uint32, len(step.Outputs))
	for i := range c {
		c[i] = []uint32{0}
	}
	return c
}
