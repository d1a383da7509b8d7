package simulation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"sluice/internal/protocol"
)

// Options switches rules off, to show what each of them is for. The zero value is the
// protocol.
type Options struct {
	Rules       protocol.Rules
	NoLanes     bool // ordinals tell the source of a frame, not its lane
	NoGates     bool // lossy edges are read by whoever reads them, and the server drops
	NoEpoch     bool // the consumers of an owned step keep their names
	AckFirst    bool // relays acknowledge before they publish
	KeepOld     bool // a takeover makes its consumers and leaves the old ones
	LateDrop    bool // drop_newest is decided at the publish
	ReadFirst   bool // a takeover reads the checkpoint before it replaces the consumers
	NarrowEdges bool // in-edges of ordered steps have the user's capacity: steps above wait for order
	NarrowHand  bool // consumers of ordered steps hand out a few frames only
	NoKept      bool // impure kinds do not keep their answer in the commit
	PurgeFirst  bool // the ledger is purged before the fold and its marks are written
	NoFence     bool // a coordinator takes the job up without writing the fold once more
	NoFree      bool // an arrival sink keeps the slot of a frame that it acknowledges without an effect
	KeptBare    bool // what is kept has no dead letters
	Erratic     bool // some nodes are no functions: not exact, but such a run must name one
	SweepFirst  bool // large values are deleted before the marks are written
	NoLate      bool // a copy whose value is gone is no reason to look at the mark
	NoRescue    bool // nobody expires or publishes again in a gate's place
}

// Outcome is how a run went.
type Outcome struct {
	Seed   uint64
	Fault  string // what was wrong; empty when nothing
	About  string // the graph and the faults, for a person
	Events int
	Time   time.Duration
	Faults map[string]int // by kind
	Ledger int            // most entries stored
	Held   int            // most frames held early by an owner
}

// Bounds of a run.
const (
	maxEvents = 600_000
	patience  = 60 * time.Second // simulated, after the last fault
)

// world is one run.
type world struct {
	opt    Options
	seed   uint64
	rng    *rand.Rand
	now    time.Duration
	queue  queue
	events int

	g      *graph
	edges  []*edge
	store  *store
	tasks  []*task
	ears   []ear
	faults faults
	count  map[string]int
	ended  bool
	err    string
	sinks  sinks
	drain  bool
	full   []bool      // by step: wants no more, as the coordinator says
	most   map[int]int // by step: most frames held early
}

// sinks is the outside world, where effects are seen.
type sinks struct {
	file   map[int][]int64             // by step: what an ordered sink wrote
	sealed map[int]bool                // by step
	sunk   map[int]map[ordinal][]int64 // by step: what an arrival sink wrote
	dead   map[int]map[ordinal]int     // by step: dead letters
}

// bury takes the dead letters of a frame: the first are kept.
func (s *sinks) bury(step int, o ordinal, dead int) {
	if s.dead[step] == nil {
		s.dead[step] = map[ordinal]int{}
	}
	if _, known := s.dead[step][o]; !known {
		s.dead[step][o] = dead
	}
}

// Run carries one simulation out.
func Run(seed uint64, opt Options) Outcome {
	w := &world{opt: opt, seed: seed, rng: rand.New(rand.NewPCG(seed, 17)), count: map[string]int{}, most: map[int]int{}}
	w.sinks = sinks{file: map[int][]int64{}, sealed: map[int]bool{}, sunk: map[int]map[ordinal][]int64{}, dead: map[int]map[ordinal]int{}}
	w.g = newGraph(w.rng, opt)
	w.full = make([]bool, len(w.g.plan.Steps))
	w.edges = newEdges(w)
	w.store = newStore(w)
	w.faults = newFaults(w)
	w.hire()
	w.faults.schedule()
	w.loop()
	o := Outcome{Seed: seed, Events: w.events, Time: w.now, Faults: w.count, Ledger: w.store.most, Held: slices.Max(append(slices.Collect(maps.Values(w.most)), 0))}
	switch {
	case w.err != "":
		o.Fault = w.err
	case !w.ended:
		o.Fault = w.stalled()
	default:
		o.Fault = w.check()
	}
	if o.Fault != "" {
		o.About = w.describe()
	}
	return o
}

func (w *world) loop() {
	for !w.ended && w.err == "" && w.events < maxEvents && w.now < w.faults.last+patience {
		if !w.queue.run(w) {
			return
		}
	}
}

// fail notes the first thing that went wrong and ends the run.
func (w *world) fail(format string, args ...any) {
	if w.err == "" {
		w.err = fmt.Sprintf(format, args...)
	}
}

// at has fn run at a time.
func (w *world) at(t time.Duration, fn func()) { w.queue.push(t, fn) }

// between draws a duration.
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

// oneIn is true once in n times.
func (w *world) oneIn(n int) bool { return w.rng.IntN(n) == 0 }

// queue holds the events to come, the earliest first and among equals the oldest.
type queue struct {
	heap []event
	seq  uint64
}

type event struct {
	at  time.Duration
	seq uint64
	fn  func()
}

func (e event) before(b event) bool { return e.at < b.at || e.at == b.at && e.seq < b.seq }

func (q *queue) push(at time.Duration, fn func()) {
	q.seq++
	h := append(q.heap, event{at, q.seq, fn})
	i := len(h) - 1
	for i > 0 && h[i].before(h[(i-1)/2]) {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		i = (i - 1) / 2
	}
	q.heap = h
}

// run carries out the earliest event and reports whether there was one.
func (q *queue) run(w *world) bool {
	h := q.heap
	if len(h) == 0 {
		return false
	}
	e := h[0]
	n := len(h) - 1
	h[0], h[n] = h[n], event{}
	h = h[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c+1 < n && h[c+1].before(h[c]) {
			c++
		}
		if c >= n || !h[c].before(h[i]) {
			break
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
	q.heap = h
	w.now = max(w.now, e.at)
	w.events++
	e.fn()
	return true
}
