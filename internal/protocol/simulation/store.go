package simulation

import (
	"slices"
	"time"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// store is what lasts beside the edges: the ledger, checkpoints, splits, leases, the fold.
type store struct {
	w       *world
	ledger  map[ledgerKey]*stored
	log     []*stored
	seq     uint64
	most    int
	first   map[ledgerKey]*protocol.Entry // the first commit ever, for the check
	owners  []ownerState
	sources [][]*split // by step
	leases  map[int]*lease
	fold    []byte
	foldRev uint64
	marks   map[int]protocol.Mark
	values  map[valueKey]bool // large payloads
	moved   time.Duration     // when anything happened last
}

type ledgerKey struct {
	step int
	ord  ordinal
	done bool
}

type stored struct {
	seq    uint64
	at     time.Duration
	key    ledgerKey
	source int // of the frame: purges go by it
	bytes  []byte
	gone   bool
}

type ownerState struct {
	ck    protocol.Checkpoint
	state *state
}

// split is a message of a source's queue of splits, and the split's checkpoint.
type split struct {
	n        uint32
	acked    bool
	taken    bool
	deadline time.Duration
	state    protocol.SplitState
	rev      uint64
	writer   *sourceDriver // of the checkpoint
}

type lease struct {
	holder *task
	epoch  uint64
	until  time.Duration
}

func newStore(w *world) *store {
	s := &store{w: w, ledger: map[ledgerKey]*stored{}, first: map[ledgerKey]*protocol.Entry{}, leases: map[int]*lease{}, marks: map[int]protocol.Mark{}, values: map[valueKey]bool{}}
	for i := range w.g.plan.Steps {
		s.owners = append(s.owners, ownerState{state: &state{}})
		var sp []*split
		for k := range w.g.nodes[i].data {
			sp = append(sp, &split{n: uint32(k)})
		}
		s.sources = append(s.sources, sp)
		s.leases[i] = &lease{}
	}
	s.leases[-1] = &lease{}
	return s
}

func (s *store) key(step int, o ordinal, done bool) ledgerKey {
	if s.w.opt.NoLanes {
		o.Lane = uint16(s.w.g.plan.Steps[step].Lanes[o.Lane].Source)
	}
	return ledgerKey{step, o, done}
}

// commit stores an entry unless its subject has one.
func (s *store) commit(e *protocol.Entry, by []byte) protocol.Result {
	k := s.key(e.Step, e.Ord, e.Done)
	if s.ledger[k] != nil {
		return protocol.Refused
	}
	s.keepsNear(e)
	s.seq++
	st := &stored{seq: s.seq, at: s.w.now, key: k, source: s.w.g.plan.Steps[e.Step].Lanes[e.Ord.Lane].Source, bytes: by}
	s.ledger[k] = st
	s.log = append(s.log, st)
	s.most = max(s.most, len(s.ledger))
	s.moved = s.w.now
	if s.first[k] == nil {
		s.first[k] = decode(by)
	}
	return protocol.OK
}

// ahead is the number of frames that a split may be in front of the job's mark.
const ahead = 16

// keepsNear fails a run in which a source is too far in front of the job's mark.
func (s *store) keepsNear(e *protocol.Entry) {
	step := &s.w.g.plan.Steps[e.Step]
	if w := &s.w.g.plan.Window; step.Role == recipe.RoleSource && !protocol.Near(s.marks[e.Step], e.Ord.Split, e.Ord.N, w.Splits, ahead) {
		s.w.fail("ahead: source %s commits frame %s, and its mark is %+v", step.Node, e.Ord, s.marks[e.Step])
	}
}

func decode(b []byte) *protocol.Entry {
	e, err := protocol.DecodeEntry(b)
	if err != nil {
		panic(err) // what Append made does not decode: a bug of the codec
	}
	return e
}

func (s *store) lookup(step int, o ordinal) *protocol.Entry {
	if st := s.ledger[s.key(step, o, false)]; st != nil {
		return decode(st.bytes)
	}
	return nil
}

// verdict is the first commit of a frame ever.
func (s *store) verdict(step int, o ordinal) *protocol.Entry {
	if e := s.first[s.key(step, o, false)]; e != nil {
		return e
	}
	return s.first[s.key(step, o, true)]
}

// entries returns a step's entries from a checkpoint on.
func (s *store) entries(step int, from protocol.Cursors) []*protocol.Entry {
	var es []*protocol.Entry
	for _, st := range s.log {
		if st.key.step == step && !st.gone {
			if e := decode(st.bytes); len(from) == 0 || !from[e.Ord.Lane].Passed(e.Ord) {
				es = append(es, e)
			}
		}
	}
	return es
}

// since returns the entries behind a sequence.
func (s *store) since(seq uint64) []*stored {
	i := len(s.log)
	for i > 0 && s.log[i-1].seq > seq {
		i--
	}
	return append([]*stored(nil), s.log[i:]...)
}

// missing is how many entries the ledger has had and holds no more.
func (s *store) missing() uint64 { return s.seq - uint64(len(s.ledger)) }

// purge removes a source's entries below a sequence, and returns how many there were; their subjects
// are open again.
func (s *store) purge(ps []protocol.Purge) (n uint64) {
	for _, p := range ps {
		for _, st := range s.log {
			if st.seq >= p.Below {
				break
			}
			if st.source == p.Source && !st.gone {
				st.gone = true
				delete(s.ledger, st.key)
				n++
			}
		}
	}
	s.log = slices.DeleteFunc(s.log, func(st *stored) bool { return st.gone })
	return n
}

func (s *store) saveOwner(step int, ck protocol.Checkpoint, st *state) protocol.Result {
	o := &s.owners[step]
	if ck.Rev != o.ck.Rev+1 {
		return protocol.Refused
	}
	o.ck, o.state = ck, st
	s.moved = s.w.now
	return protocol.OK
}

func (s *store) saveSplit(sp *split, rev uint64, st protocol.SplitState, by *sourceDriver) protocol.Result {
	if sp.rev != rev {
		return protocol.Refused
	}
	sp.rev++
	sp.state, sp.writer = st, by
	s.moved = s.w.now
	return protocol.OK
}

// saveFold writes the fold and its marks; a fold that is done ends the job.
func (s *store) saveFold(rev uint64, fold []byte, marks map[int]protocol.Mark, done bool) protocol.Result {
	if rev != s.foldRev {
		return protocol.Refused
	}
	for source, m := range s.marks {
		if n := marks[source]; !n.All && m.Below(n.Split, n.N) {
			s.w.fail("marks: that of source %s went back from %+v to %+v", s.w.g.plan.Steps[source].Node, m, n)
		}
	}
	s.foldRev++
	s.fold, s.marks, s.w.ended = fold, marks, done
	return protocol.OK
}

// acquire takes a lease that nobody holds.
func (s *store) acquire(step int, t *task) (uint64, bool) {
	l := s.leases[step]
	if s.w.now < l.until && l.holder != t {
		return 0, false
	}
	l.holder, l.until = t, s.w.now+s.w.g.lease
	l.epoch++
	return l.epoch, true
}

func (s *store) renew(step int, epoch uint64) bool {
	l := s.leases[step]
	if l.epoch != epoch {
		return false
	}
	l.until = s.w.now + s.w.g.lease
	return true
}

// take hands out the first split that waits.
func (s *store) take(step int) *split {
	for _, sp := range s.sources[step] {
		if !sp.acked && s.w.now >= sp.deadline {
			sp.taken, sp.deadline = true, s.w.now+s.w.g.ackWait
			return sp
		}
	}
	return nil
}
