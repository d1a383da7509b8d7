package protocol

import (
	"fmt"
	"time"

	"sluice/recipe"
)

// Accountant is the machine that folds a job's ledger. Entries come in the ledger's
// order; those of a lane are counted in the lane's order, each once, so that copies and
// latecomers never count. From it alone come a job's totals, its end, the conservation
// check and the mark below which the ledger is purged.
type Accountant struct {
	plan  *recipe.Plan
	rules Rules
	Fold  Fold
	early []map[recipe.Ordinal]*Entry // by step: entries whose turn has not come
	marks []Cursors                   // by step: the checkpoint of an ordered step
	open  []splits                    // by step: the splits of a source
	queue [][]ledgerRef               // by source: entries that are stored, in order
	due   []int                       // by source: how many of the queue the last Purge returned
	kept  map[ledgerKey]*keptEntry    // entries that are stored, where a gate may need help
	ends  map[splitKey]uint64         // the last frame of splits whose end is stored
	rest  *Rest                       // what the ledger held when the job came to rest; nil when unknown
	news  bool
}

type splitKey struct {
	source int
	split  uint32
}

// Fold is what the accountant knows, written in one compare-and-set before the ledger is
// purged below it.
type Fold struct {
	Steps []StepFold   `json:"steps"`
	Edges []EdgeFold   `json:"edges"`
	Marks map[int]Mark `json:"marks"` // by source: what the ledger may be purged below
	// Purged is how many entries the purges that this fold asks for have removed so far, and
	// Below, by source, the sequence below which all are removed. When they are carried out,
	// the ledger's last sequence less its entries is Purged, or somebody else took one out.
	Purged uint64         `json:"purged"`
	Below  map[int]uint64 `json:"below,omitempty"`
}

// StepFold is the account of a step. All but Frames are records.
type StepFold struct {
	Lanes     Cursors `json:"lanes"`
	Frames    int64   `json:"frames"`
	In        int64   `json:"in"`
	Out       []int64 `json:"out"` // by output port
	Dead      int64   `json:"dead"`
	Discarded int64   `json:"discarded"` // given up under on_error: drop
	Damaged   int64   `json:"damaged"`   // in frames with a wrong checksum
	Expired   int64   `json:"expired"`
	Dropped   int64   `json:"dropped"`
	Skipped   int64   `json:"skipped"`
	Full      bool    `json:"full,omitempty"`
	Kept      []int64 `json:"kept"` // by lane: frames that are counted and whose entries are not purged
}

// EdgeFold is the account of an edge, in records.
type EdgeFold struct {
	Produced int64 `json:"produced"`
	Lost     int64 `json:"lost"` // dropped by the publisher: the edge was full
	Taken    int64 `json:"taken"`
}

type ledgerRef struct {
	seq  uint64
	key  ledgerKey
	done bool // the second entry of its frame
}

type ledgerKey struct {
	step int
	ord  recipe.Ordinal
}

type keptEntry struct {
	*Entry
	at time.Duration
}

type splits struct {
	count  uint32 // known number of splits; 0 while unknown
	low    uint32 // all below are done
	passed uint32 // all below are done and have passed every step; their states are forgotten
	states map[uint32]SplitState
}

// NewAccountant returns the accountant of a plan. fold is what an earlier one wrote, or
// the zero value.
func NewAccountant(plan *recipe.Plan, fold Fold, rules Rules) *Accountant {
	a := &Accountant{plan: plan, rules: rules, Fold: fold, kept: map[ledgerKey]*keptEntry{}, ends: map[splitKey]uint64{}}
	if fold.Steps == nil {
		a.Fold.Edges = make([]EdgeFold, len(plan.Edges))
		for i := range plan.Steps {
			s := &plan.Steps[i]
			a.Fold.Steps = append(a.Fold.Steps, StepFold{Lanes: make(Cursors, len(s.Lanes)), Out: make([]int64, len(s.Outputs)), Kept: make([]int64, len(s.Lanes))})
		}
	}
	if fold.Below == nil {
		a.Fold.Below = map[int]uint64{}
	}
	for i := range plan.Steps {
		a.early = append(a.early, map[recipe.Ordinal]*Entry{})
		a.marks = append(a.marks, make(Cursors, len(plan.Steps[i].Lanes)))
		a.open = append(a.open, splits{states: map[uint32]SplitState{}})
		a.queue, a.due = append(a.queue, nil), append(a.due, 0)
	}
	return a
}

// Add takes one stored entry, in the order of the ledger. at is when it was stored.
func (a *Accountant) Add(seq uint64, e *Entry, at time.Duration) error {
	if err := a.Check(seq, e); err != nil {
		return err
	}
	step := &a.plan.Steps[e.Step]
	key := ledgerKey{e.Step, e.Ord}
	source := step.Lanes[e.Ord.Lane].Source
	a.queue[source] = append(a.queue[source], ledgerRef{seq: seq, key: key, done: e.Done})
	if step.Role == recipe.RoleSource && e.EndSplit {
		if end, known := a.ends[splitKey{source, e.Ord.Split}]; !known || e.Ord.N < end {
			a.ends[splitKey{source, e.Ord.Split}] = e.Ord.N
		}
	}
	if a.helps(step) {
		a.kept[key] = &keptEntry{e, at}
	}
	f := &a.Fold.Steps[e.Step]
	if a.rules.twice(e, Arrival(step)) && !e.Done || f.Lanes[e.Ord.Lane].Passed(e.Ord) {
		return nil
	}
	if _, dup := a.early[e.Step][e.Ord]; dup {
		return nil
	}
	a.early[e.Step][e.Ord] = e
	a.fold(e.Step, int(e.Ord.Lane))
	return nil
}

// Check reports whether an entry can be one of the plan's. Those that [Accountant.Rest] and
// [Accountant.Gap] are given must be.
func (a *Accountant) Check(seq uint64, e *Entry) error {
	if e.Step >= len(a.plan.Steps) || int(e.Ord.Lane) >= len(a.plan.Steps[e.Step].Lanes) {
		return fmt.Errorf("ledger entry %d is of no step of the plan: step %d lane %d", seq, e.Step, e.Ord.Lane)
	}
	if s := &a.plan.Steps[e.Step]; len(e.Counts) != len(s.Outputs) {
		return fmt.Errorf("ledger entry %d of step %s does not fit its %d output ports", seq, s.Node, len(s.Outputs))
	}
	return nil
}

// Arrival reports whether a step is a sink that takes frames as they arrive.
func Arrival(s *recipe.Step) bool { return s.Sink && s.Role == recipe.RoleRelay }

// fold counts the entries of a lane whose turn has come.
func (a *Accountant) fold(step, lane int) {
	f := &a.Fold.Steps[step]
	for {
		c := f.Lanes[lane]
		ord := recipe.Ordinal{Split: c.Split, N: c.N, Lane: uint16(lane), Path: c.Path}
		e, here := a.early[step][ord]
		if !here || c.Done {
			return
		}
		delete(a.early[step], ord)
		a.count(step, e)
		f.Lanes[lane] = c.Next(e.Parts, e.EndSplit, e.EndSource)
		a.news = true
		if e.EndSplit && a.plan.Steps[step].Role == recipe.RoleSource {
			a.forget(step, f.Lanes[lane])
		}
	}
}

// forget drops entries that an attempt at a split made behind the split's end, before it
// knew that another one had ended it there.
func (a *Accountant) forget(step int, c Cursor) {
	for ord := range a.early[step] {
		if c.Passed(ord) {
			delete(a.early[step], ord)
		}
	}
}

func (a *Accountant) count(step int, e *Entry) {
	s, f := &a.plan.Steps[step], &a.Fold.Steps[step]
	f.Frames++
	f.Kept[e.Ord.Lane]++
	f.In += e.In
	f.Dead += e.Dead
	f.Discarded += e.Discard
	f.Full = f.Full || e.Full
	switch e.Verdict {
	case Expired:
		f.Expired += e.In
	case Dropped:
		f.Dropped += e.In
	case Dead:
		f.Damaged += e.In
	case Skipped:
		f.Skipped += e.In
	}
	for p := range e.Counts {
		f.Out[p] += e.Out(p)
	}
	for i, id := range s.Out {
		edge := a.plan.Edge(id)
		ef := &a.Fold.Edges[id.Index()]
		n := e.Out(edge.FromPort)
		ef.Produced += n
		if e.LostAt(i) {
			ef.Lost += n
		}
	}
	for _, id := range s.In {
		edge := a.plan.Edge(id)
		if lane := int(e.Ord.Lane) - edge.LaneBase; lane >= 0 && lane < len(a.plan.Steps[edge.From].Lanes) {
			a.Fold.Edges[id.Index()].Taken += e.In
		}
	}
}

// News reports whether the fold, or what its marks are made of, changed since the last
// call: then both are worth writing.
func (a *Accountant) News() bool {
	n := a.news
	a.news = false
	return n
}

// Watermark takes the places of an ordered step behind its last checkpoint, as far as
// they are told: what is told late, or by an owner whose reign is over, takes none back.
func (a *Accountant) Watermark(step int, cs Cursors) {
	switch {
	case len(cs) != len(a.marks[step]) || a.plan.Steps[step].Role != recipe.RoleOrdered:
	case a.rules.MarksFall:
		a.marks[step], a.news = cs, true
	case a.marks[step].Raise(cs):
		a.news = true
	}
}

// Done reports whether every frame of every step is accounted for.
func (a *Accountant) Done() bool {
	for i := range a.Fold.Steps {
		for _, c := range a.Fold.Steps[i].Lanes {
			if !c.Done {
				return false
			}
		}
	}
	return true
}

// Balance checks the conservation of records: what was produced on an edge was taken
// from it or dropped by its publisher. It means something when Done, and names the first
// edge that does not balance.
func (a *Accountant) Balance() error {
	for i, f := range a.Fold.Edges {
		if f.Produced-f.Lost != f.Taken {
			e := &a.plan.Edges[i]
			return fmt.Errorf("edge %s (%s to %s) does not balance: %d records produced, %d dropped, %d taken",
				e.ID, a.plan.Steps[e.From].Node, a.plan.Steps[e.To].Node, f.Produced, f.Lost, f.Taken)
		}
	}
	return nil
}

// Missing names the edge on which the account waits although everything above it is
// accounted for, with the ordinal it waits for; false when there is none. While a job
// runs that is normal for a moment; when nothing moves it is where a frame or its entry
// was lost.
func (a *Accountant) Missing() (recipe.EdgeID, recipe.Ordinal, bool) {
	for i := range a.plan.Edges {
		e := &a.plan.Edges[i]
		for l := range a.Fold.Steps[e.From].Lanes {
			if o, missing := a.missing(e, l); missing {
				return e.ID, o, true
			}
		}
	}
	for i := range a.plan.Edges { // a reader is ahead of a source: the source's entry was lost
		e := &a.plan.Edges[i]
		if a.plan.Steps[e.From].Role != recipe.RoleSource {
			continue
		}
		if c := a.Fold.Steps[e.From].Lanes[0]; c.before(a.Fold.Steps[e.To].Lanes[e.LaneBase]) || len(a.early[e.From]) > 0 {
			return e.ID, recipe.Ordinal{Split: c.Split, N: c.N}, true
		}
	}
	return "", recipe.Ordinal{}, false
}

// missing returns the frame that comes next for an edge's reader, on a lane of the step
// above, when that has made it.
func (a *Accountant) missing(e *recipe.Edge, lane int) (recipe.Ordinal, bool) {
	up, c := a.Fold.Steps[e.From].Lanes[lane], a.Fold.Steps[e.To].Lanes[e.LaneBase+lane]
	return c.at(uint16(e.LaneBase + lane)), !c.Done && (up.Done || c.before(up))
}
