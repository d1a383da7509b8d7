package simulation

import (
	"fmt"
	"slices"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// reference computes, frame by frame and in order, what a run must have made, given the
// first verdict of every frame.
type reference struct {
	w      *world
	frames []map[ordinal]frame // by edge: with the writer's lane
	fold   protocol.Fold       // totals as they must be
	sinks  sinks
	err    error
}

// compute walks the graph once.
func (w *world) reference() (*reference, error) {
	r := &reference{w: w, sinks: sinks{file: map[int][]int64{}, sunk: map[int]map[ordinal][]int64{}}}
	for range w.edges {
		r.frames = append(r.frames, map[ordinal]frame{})
	}
	r.fold.Edges = make([]protocol.EdgeFold, len(w.edges))
	for i := range w.g.plan.Steps {
		r.fold.Steps = append(r.fold.Steps, protocol.StepFold{})
		if w.g.plan.Steps[i].Role == recipe.RoleSource {
			r.source(i)
		} else {
			r.step(i)
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	return r, nil
}

func (r *reference) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// source follows the frames that were committed: they must join, and reach the split's
// end unless nobody wanted more.
func (r *reference) source(step int) {
	n, s := &r.w.g.nodes[step], &r.w.g.plan.Steps[step]
	for sp, data := range n.data {
		at := int64(0)
		for k := uint64(0); ; k++ {
			o := ordinal{Split: uint32(sp), N: k}
			e := r.w.store.verdict(step, o)
			if e == nil {
				r.fail("source %s never committed frame %s", s.Node, o)
				return
			}
			if e.Start != at || e.End < at || e.End > int64(len(data)) {
				r.fail("source %s: frame %s goes from %d to %d, the one before ends at %d", s.Node, o, e.Start, e.End, at)
				return
			}
			at = e.End
			r.out(step, e, cutRecords(data[e.Start:e.End]))
			if e.EndSplit {
				break
			}
		}
		if at < int64(len(data)) && !r.w.drain && !r.w.full[step] {
			r.fail("source %s: split %d ends at %d of %d", s.Node, sp, at, len(data))
		}
	}
}

func (r *reference) step(step int) {
	s, n := &r.w.g.plan.Steps[step], &r.w.g.nodes[step]
	var in []frame
	for _, id := range s.In {
		e := r.w.edge(id)
		for _, f := range r.frames[e.index()] {
			f.ord.Lane += uint16(e.LaneBase)
			in = append(in, f)
		}
	}
	slices.SortFunc(in, func(a, b frame) int { return a.ord.Compare(b.ord) })
	st := &state{}
	for i, f := range in {
		e := r.w.store.verdict(step, f.ord)
		if e == nil {
			r.fail("step %s never committed frame %s", s.Node, f.ord)
			return
		}
		if e.In != int64(len(f.recs)) {
			r.fail("step %s took %d records of frame %s, which has %d", s.Node, e.In, f.ord, len(f.recs))
			return
		}
		if err := r.cause(s, e); err != nil {
			r.err = err
			return
		}
		r.out(step, e, r.make(n, s, st, e, f, i == len(in)-1))
	}
}

func (r *reference) make(n *node, s *recipe.Step, st *state, e *protocol.Entry, f frame, last bool) made {
	switch {
	case s.Role == recipe.RoleOrdered:
		m, _ := st.apply(n, e.Verdict, f.recs, s.Lanes[f.ord.Lane].Port, last, func(_ int, x int64) {
			r.sinks.file[s.ID] = append(r.sinks.file[s.ID], x)
		})
		return m
	case e.Verdict != protocol.Run:
		return nothing(n.kind)
	case e.Kept != nil && n.kind != gate:
		return kept(e.Kept)
	}
	if n.kind == arrivalSink {
		if r.sinks.sunk[s.ID] == nil {
			r.sinks.sunk[s.ID] = map[ordinal][]int64{}
		}
		r.sinks.sunk[s.ID][f.ord] = f.recs
	}
	return relay(n.kind, f.recs, r.w.rng.IntN)
}

// cause checks that a verdict has a reason.
func (r *reference) cause(s *recipe.Step, e *protocol.Entry) error {
	ok := true
	if r.w.opt.NoGates {
		return nil
	}
	switch e.Verdict {
	case protocol.Expired:
		ok = s.Role == recipe.RoleGate && r.w.edge(s.In[0]).TTL > 0
	case protocol.Dropped:
		ok = s.Role == recipe.RoleGate && r.w.edge(s.In[0]).Overflow == recipe.DropOldest
	case protocol.Dead:
		ok = r.w.g.damage > 0
	case protocol.Skipped:
		ok = s.Role != recipe.RoleOrdered
		for _, id := range s.Out {
			ok = ok && r.w.full[r.w.edge(id).To]
		}
	}
	if !ok {
		return fmt.Errorf("step %s: frame %s was %s without a cause", s.Node, e.Ord, e.Verdict)
	}
	return nil
}

// out takes what a step made of a frame to its edges, and compares it with the entry.
func (r *reference) out(step int, e *protocol.Entry, m made) {
	s, f := &r.w.g.plan.Steps[step], &r.fold.Steps[step]
	impureNow := r.w.g.nodes[step].kind.impure() && e.Kept == nil && e.Verdict == protocol.Run
	if !impureNow && (fmt.Sprint(m.counts()) != fmt.Sprint(e.Counts) || m.dead != e.Dead) {
		r.fail("step %s: the entry of frame %s counts %v and %d dead, but must count %v and %d", s.Node, e.Ord, e.Counts, e.Dead, m.counts(), m.dead)
		return
	}
	f.In += e.In
	f.Frames++
	f.Dead += m.dead
	for i, id := range s.Out {
		x := r.w.edge(id)
		if e.LostAt(i) && x.Overflow != recipe.DropNewest {
			r.fail("step %s: frame %s is lost on edge %s, which loses nothing there", s.Node, e.Ord, id)
		}
		ef := &r.fold.Edges[x.index()]
		ef.Produced += e.Out(x.FromPort)
		if e.LostAt(i) {
			ef.Lost += e.Out(x.FromPort)
		}
		for part := range m.out[x.FromPort] {
			out := r.w.content(e, m, x, i, part)
			ef.Taken += int64(len(out.recs))
			r.frames[x.index()][out.ord] = out
		}
	}
}

func (e *edge) index() int {
	n := 0
	for _, c := range e.ID[1:] {
		n = n*10 + int(c-'0')
	}
	return n - 1
}
