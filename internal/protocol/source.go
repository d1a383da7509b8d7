package protocol

import "time"

// splitSaveEvery is the number of frames of a split between two checkpoints, unless the
// config says otherwise.
const splitSaveEvery = 32

// SplitState is the checkpoint of a split: everything before frame N, which begins at
// Offset, is committed and published.
type SplitState struct {
	N      uint64
	Offset int64
	Done   bool
}

// Source is the machine of one attempt at one split: cut, commit, publish, in that order,
// several frames in flight; checkpoints now and then. A commit that is refused is
// followed: the entry says whether the split ended there.
//
// Frames are cut by content alone: the same offset always gives the same frame, so commits
// are pipelined. Only where a split ends early (a limit, a drain) and what full edges lose
// may differ between attempts. What an attempt committed behind an end that it did not know
// of is never published or counted. The driver tells the broker now and then that the split
// is being worked on.
type Source struct {
	cfg    SourceConfig
	split  uint32
	save   SplitState // as stored
	next   uint64     // frame to cut next
	offset int64      // where it begins
	cuts   []*cut     // cut and not yet through, in order of n
	outs   outlets
	window Window
	credit Credit
	retry  retry
	acts   []Action

	cutting  bool
	stale    bool   // the cut under way begins where no frame does: its answer is dropped
	follow   *Entry // the entry that the cut under way must follow
	ending   bool   // the end frame was cut
	flag     bool   // end as soon as possible
	stop     bool   // save and give back
	saving   bool
	doubt    bool // a save went unanswered: it may be stored
	started  bool
	over     bool
	starved  time.Duration // since when there is no credit; -1 when there is
	returned time.Duration
}

// SourceConfig describes the source's step.
type SourceConfig struct {
	Ports    []int
	Splits   int    // S
	Frames   int    // W
	Ahead    int    // frames that a split may be in front of the job's mark; 0 any
	Last     uint32 // the source's last split
	Pipeline int    // frames between cut and published at most
	Save     int    // frames between two checkpoints; 0 is 32
	Share    float64
	Rules    Rules
}

type cut struct {
	id    ID
	n     uint64
	entry *Entry
	state uint8 // of the commit
	left  int
	mark  uint8 // what is known of the job's mark
}

const (
	cutCommitting = iota
	cutLooking
	cutSettled
	cutPublished
)

const (
	markUnknown = iota
	markAsked
	markBehind // the frame is not below it
)

// NewSource returns the machine of an attempt at a split that starts at its checkpoint. A
// checkpoint that is done makes it ask for OpFinish at once.
func NewSource(c SourceConfig, split uint32, at SplitState, now time.Duration) *Source {
	if c.Save == 0 {
		c.Save = splitSaveEvery
	}
	m := &Source{cfg: c, split: split, save: at, next: at.N, offset: at.Offset, outs: newOutlets(len(c.Ports)),
		window: NewWindow(max(1, c.Pipeline), c.Share), starved: -1}
	if at.Done {
		m.finish()
	}
	return m
}

// Take returns the actions that wait to be carried out, in order, and forgets them.
func (m *Source) Take() []Action {
	a := m.acts
	m.acts = nil
	return a
}

// Over reports whether the attempt has ended: finished, given back or to be restarted.
func (m *Source) Over() bool { return m.over }

// Start sets the attempt going; until then Credit, Flag and Stop are only noted.
func (m *Source) Start(now time.Duration) {
	m.started = true
	m.step(now)
}

// Credit tells how far the ordered steps below, and the job, are.
func (m *Source) Credit(c Credit, now time.Duration) {
	m.credit = c
	m.step(now)
}

// Observe applies the 50 % rule; see [Window.Observe].
func (m *Source) Observe(full, all int) { m.window.Observe(full, all) }

// Window returns how many frames may be between cut and published now.
func (m *Source) Window() int { return m.window.Size() }

// Flag asks for the early end of the split: nobody below wants more, or the job drains.
func (m *Source) Flag(now time.Duration) {
	m.flag = true
	m.step(now)
}

// Stop asks to save and give the split back: the worker stops.
func (m *Source) Stop(now time.Duration) {
	m.stop = true
	m.step(now)
}

// step asks for whatever can be done now.
func (m *Source) step(now time.Duration) {
	switch {
	case m.over || !m.started:
	case m.stop:
		if !m.cutting && !m.saving {
			m.checkpoint()
		}
	case m.ending && m.follow == nil:
		switch {
		case len(m.cuts) > 0 || m.cutting || m.saving:
		case m.cfg.Rules.AckUndone:
			m.finish()
		default:
			m.checkpoint()
		}
	default:
		m.cutNext(now)
		if !m.over && !m.stop && !m.saving && m.done() >= m.save.N+uint64(m.cfg.Save) {
			m.checkpoint()
		}
	}
}

func (m *Source) cutNext(now time.Duration) {
	if m.cutting || m.outs.blocked() || len(m.cuts) >= m.window.Size() {
		return
	}
	if may, awaited := m.mayCut(); !may {
		m.starve(awaited, now)
		return
	}
	m.starved = -1
	m.cutting = true
	a := Action{Op: OpCut, N: m.next, Start: m.offset, Until: -1}
	if m.flag {
		a.Follow = &Entry{EndSplit: true, Start: m.offset, End: m.offset}
	}
	m.do(a)
}

// WasCut answers OpCut: the frame's end, the number of its records, and whether it is the
// empty frame that ends the split. e carries Counts, Dead, Discard and Lost.
func (m *Source) WasCut(id ID, e *Entry, now time.Duration) {
	m.cutting = false
	if m.over {
		return
	}
	if m.stale {
		m.stale = false
		m.do(Action{Op: OpAck, ID: id})
		m.cutAgain()
		return
	}
	if m.follow != nil {
		if !e.sameMade(m.follow) && !m.cfg.Rules.NoCompare {
			m.over = true
			m.do(Action{Op: OpFail, ID: id, Entry: e, Follow: m.follow})
			return
		}
		e, m.follow = m.follow, nil
		m.ending = e.EndSplit
		c := &cut{id: id, n: m.next, entry: e, state: cutSettled}
		m.push(c)
		m.settle(now)
		m.step(now)
		return
	}
	m.ending = e.EndSplit
	m.begin(id, e, now)
}

// begin takes a frame that was cut on its way.
func (m *Source) begin(id ID, e *Entry, now time.Duration) {
	e.Ord.Split, e.Ord.N = m.split, m.next
	e.EndSource = e.EndSplit && m.cfg.Last == m.split
	c := &cut{id: id, n: m.next, entry: e}
	m.push(c)
	if m.cfg.Rules.SourceUncommit {
		c.state = cutSettled
		m.settle(now)
	} else {
		m.do(Action{Op: OpCommit, ID: id, Entry: e})
	}
	m.step(now)
}

func (m *Source) push(c *cut) {
	m.cuts = append(m.cuts, c)
	m.next, m.offset = c.n+1, c.entry.End
}

func (m *Source) find(id ID) (int, *cut) {
	for i, c := range m.cuts {
		if c.id == id {
			return i, c
		}
	}
	return -1, nil
}

// Published answers OpPublish.
func (m *Source) Published(id ID, edge, part int, r Result, now time.Duration) {
	_, c := m.find(id)
	if c == nil || !m.outs.at(edge).answer(unit{id, edge, part, c.entry}, r, now, &m.acts) {
		return
	}
	m.through(c)
	m.sweep()
	m.step(now)
}

// through counts what is through of a frame; dead letters are confirmed by a second entry.
func (m *Source) through(c *cut) {
	if c.left--; c.left == 0 && m.cfg.Rules.twice(c.entry, false) && !c.entry.Done {
		c.left, c.entry = 1, c.entry.done()
		m.do(Action{Op: OpCommit, ID: c.id, Entry: c.entry})
	}
}

// sweep forgets the frames that are through, from the front.
func (m *Source) sweep() {
	for len(m.cuts) > 0 && m.cuts[0].state == cutPublished && m.cuts[0].left == 0 {
		m.do(Action{Op: OpAck, ID: m.cuts[0].id})
		m.cuts = m.cuts[1:]
	}
}

// done is the frame before which all is through, and place where it begins.
func (m *Source) done() uint64 {
	if len(m.cuts) > 0 {
		return m.cuts[0].n
	}
	return m.next
}

func (m *Source) checkpoint() {
	st := SplitState{N: m.next, Offset: m.offset}
	if len(m.cuts) > 0 {
		st.N, st.Offset = m.cuts[0].n, m.cuts[0].entry.Start
	} else {
		st.Done = m.ending && m.follow == nil
	}
	m.saving = true
	m.do(Action{Op: OpSave, SplitState: st})
}

// Saved answers OpSave. Refused means that another attempt is at work, unless a save of the
// same checkpoint went unanswered: then it may have been refused by itself.
func (m *Source) Saved(st SplitState, r Result, now time.Duration) {
	switch {
	case r == Failed:
		m.doubt = true
		m.retry.hold(Action{Op: OpSave, SplitState: st}, now, &m.acts)
	case r == Refused && m.doubt && !m.cfg.Rules.NoRecall:
		m.do(Action{Op: OpRecall, SplitState: st})
	case r == Refused:
		m.restart()
	default:
		m.retry.answered()
		m.saved(st, now)
	}
}

// Recalled answers OpRecall: whether the checkpoint that is stored says the same. Then it
// does not matter who wrote it.
func (m *Source) Recalled(st SplitState, own bool, now time.Duration) {
	if own {
		m.saved(st, now)
	} else {
		m.restart()
	}
}

// saved goes on behind a checkpoint that is stored.
func (m *Source) saved(st SplitState, now time.Duration) {
	m.saving, m.doubt = false, false
	switch {
	case st.Done:
		m.finish()
	case m.stop && st.N == m.done():
		m.over = true
		m.do(Action{Op: OpReturn, After: m.returned})
	default:
		m.save = st
		m.step(now)
	}
}

// Tick is called when a wake-up is due.
func (m *Source) Tick(now time.Duration) {
	if m.over {
		return
	}
	m.outs.tick(now, &m.acts)
	m.retry.tick(now, &m.acts)
	m.step(now)
}

func (m *Source) finish() {
	m.over = true
	m.do(Action{Op: OpFinish})
}

func (m *Source) restart() {
	m.over = true
	m.do(Action{Op: OpRestart})
}

func (m *Source) do(a Action) { m.acts = append(m.acts, a) }

// NotCut takes the last OpCut back: there is nothing to read yet. The machine asks again
// when it goes on.
func (m *Source) NotCut(now time.Duration) {
	m.cutting = false
	if m.follow != nil { // what was cut once can be cut again: start over
		m.restart()
		return
	}
	m.step(now)
}
