package simulation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/protocol"
	"sluice/recipe"
)

// check compares a run that ended with the reference and returns the first fault.
func (w *world) check() string {
	var fold protocol.Fold
	if err := json.Unmarshal(w.store.fold, &fold); err != nil {
		return err.Error()
	}
	if err := protocol.NewAccountant(&w.g.plan, fold, w.opt.Rules).Balance(); err != nil {
		return "balance: " + err.Error()
	}
	if w.opt.Erratic { // there is no reference for it
		return ""
	}
	ref, err := w.reference()
	if err != nil {
		return "ledger: " + err.Error()
	}
	for i, f := range fold.Edges {
		if f != ref.fold.Edges[i] {
			return fmt.Sprintf("fold: edge %s has %+v, must have %+v", w.edges[i].ID, f, ref.fold.Edges[i])
		}
	}
	for i := range w.g.plan.Steps {
		s, got, want := &w.g.plan.Steps[i], &fold.Steps[i], &ref.fold.Steps[i]
		if got.In != want.In || got.Frames != want.Frames || got.Dead != want.Dead {
			return fmt.Sprintf("fold: step %s has %d records in %d frames and %d dead, must have %d in %d and %d", s.Node, got.In, got.Frames, got.Dead, want.In, want.Frames, want.Dead)
		}
		if f := w.checkSink(i, ref, got); f != "" {
			return f
		}
	}
	if f := w.checkBounds(); f != "" {
		return f
	}
	return w.checkMissing()
}

// checkSink compares what the outside world has seen.
func (w *world) checkSink(step int, ref *reference, f *protocol.StepFold) string {
	s := &w.g.plan.Steps[step]
	dead := 0
	for _, n := range w.sinks.dead[step] {
		dead += n
	}
	if int64(dead) != f.Dead {
		return fmt.Sprintf("dead letters: step %s has %d, the ledger says %d", s.Node, dead, f.Dead)
	}
	var seen int64
	switch w.g.nodes[step].kind {
	case fileSink:
		got, want := w.sinks.file[step], ref.sinks.file[step]
		if !slices.Equal(got, want) {
			return fmt.Sprintf("sink: %s holds\n    %v, must hold\n    %v", s.Node, got, want)
		}
		if !w.sinks.sealed[step] {
			return fmt.Sprintf("sink: %s was never sealed", s.Node)
		}
		seen = int64(len(got))
	case arrivalSink:
		got, want := w.sinks.sunk[step], ref.sinks.sunk[step]
		if !maps.EqualFunc(got, want, slices.Equal[[]int64]) {
			return fmt.Sprintf("sink: %s holds\n    %v, must hold\n    %v", s.Node, got, want)
		}
		for _, recs := range got {
			seen += int64(len(recs))
		}
	default:
		return ""
	}
	if want := f.In - f.Damaged - f.Skipped - f.Dead; seen != want {
		return fmt.Sprintf("sink: %s holds %d records, the ledger says %d", s.Node, seen, want)
	}
	return ""
}

// checkMissing takes one entry out of the ledger's whole history: the account must stop
// and name an edge of that step.
func (w *world) checkMissing() string {
	if w.opt != (Options{}) { // a rule is off: wait for what comes of it
		return ""
	}
	keys := slices.SortedFunc(maps.Keys(w.store.first), compareKeys)
	gone := keys[w.rng.IntN(len(keys))]
	arrival := protocol.Arrival(&w.g.plan.Steps[gone.step])
	a := protocol.NewAccountant(&w.g.plan, protocol.Fold{}, protocol.Rules{})
	if e := w.store.first[gone]; e.Twice(arrival) != e.Done || w.stray(e) { // the first of two entries is not counted
		return ""
	}
	for i, k := range keys {
		if k != gone {
			if err := a.Add(uint64(i+1), w.store.first[k], 0); err != nil {
				return err.Error()
			}
		}
	}
	id, ord, ok := a.Missing()
	if !ok {
		return fmt.Sprintf("missing: entry %s of step %s was deleted, and nothing is missed", gone.ord, w.g.plan.Steps[gone.step].Node)
	}
	e := w.edge(id)
	if e.To != gone.step && (e.From != gone.step || w.g.plan.Steps[e.From].Role != recipe.RoleSource) {
		return fmt.Sprintf("missing: entry %s of step %s was deleted, and edge %s (%s) is named", gone.ord, w.g.plan.Steps[gone.step].Node, id, ord)
	}
	return ""
}

// stray reports whether an entry lies behind the end of its split.
func (w *world) stray(e *protocol.Entry) bool {
	for n := range e.Ord.N {
		o := e.Ord
		o.N, o.Path = n, ""
		if f := w.store.first[w.store.key(e.Step, o, false)]; f != nil && f.EndSplit {
			return true
		}
	}
	return false
}

func compareKeys(a, b ledgerKey) int {
	if a.step != b.step {
		return a.step - b.step
	}
	if c := a.ord.Compare(b.ord); c != 0 {
		return c
	}
	if a.done != b.done {
		if a.done {
			return 1
		}
		return -1
	}
	return 0
}

// checkBounds checks that nothing outgrew the windows: what owners held back, and, in a
// calm run, the ledger. Its bound is generous: what is in flight beside the windows (on
// ways without an ordered step, and while a late answer holds the mark back) counts too;
// and while no coordinator folds it, the ledger grows with the work.
func (w *world) checkBounds() string {
	if w.opt != (Options{}) { // a rule is off: wait for what comes of it
		return ""
	}
	frames := 0
	for i := range w.g.plan.Steps {
		n := 0
		for _, d := range w.g.nodes[i].depth {
			n += w.g.frames(d)
		}
		if held := w.most[i]; held > 2*n { // a reign that is over may hold its own window beside the next one
			return fmt.Sprintf("bounds: step %s held %d frames early, its window is %d", w.g.plan.Steps[i].Node, held, n)
		}
		frames += n
	}
	calm := true
	for k := range w.count {
		calm = calm && slices.Contains(calmFaults, k)
	}
	if calm && w.store.most > 12*frames+300 {
		return fmt.Sprintf("bounds: the ledger held %d entries, the windows have %d frames", w.store.most, frames)
	}
	return ""
}

// calmFaults are what a run may have seen whose ledger must have stayed small. Where a gate
// was helped, a frame has held the mark back for as long as that took.
var calmFaults = []string{"Msg-Ids forgotten", "answer failed", "damaged", "drain", "given back", "late ack", "redelivered", "reign", "place late", "place lost", "value gone"}

// frames is the number of frames that the window lets into flight on a lane of a depth.
func (g *graph) frames(depth int) int {
	n := g.plan.Window.Splits * g.plan.Window.Frames
	for range depth {
		n *= partsMost
	}
	return n
}

// stalled says where a run that did not end stands.
func (w *world) stalled() string {
	var b strings.Builder
	kind := "stall"
	if w.events >= maxEvents {
		kind = "livelock"
	}
	fmt.Fprintf(&b, "%s: at %s, last entry or checkpoint at %s", kind, w.now, w.store.moved)
	b.WriteString(w.missing())
	for i := range w.g.plan.Steps {
		s := &w.g.plan.Steps[i]
		if s.Role == recipe.RoleOrdered {
			fmt.Fprintf(&b, "\n    %s is at %v", s.Node, w.store.owners[i].ck.Cursors)
		}
		for _, sp := range w.store.sources[i] {
			fmt.Fprintf(&b, "\n    %s split %d: %+v acked %v", s.Node, sp.n, sp.state, sp.acked)
		}
	}
	for _, e := range w.edges {
		if len(e.msgs) > 0 {
			fmt.Fprintf(&b, "\n    edge %s holds", e.ID)
			for _, m := range e.msgs {
				fmt.Fprintf(&b, " %s", m.f.ord)
				if m.delivered {
					b.WriteString("*")
				}
			}
		}
	}
	return b.String()
}

// missing tells what a watchdog would: where the account waits.
func (w *world) missing() string {
	var fold protocol.Fold
	if w.store.fold != nil {
		if err := json.Unmarshal(w.store.fold, &fold); err != nil {
			return err.Error()
		}
	}
	a := protocol.NewAccountant(&w.g.plan, fold, w.opt.Rules)
	for _, st := range w.store.since(0) {
		if err := a.Add(st.seq, decode(st.bytes), st.at); err != nil {
			return err.Error()
		}
	}
	id, ord, ok := a.Missing()
	if !ok {
		return "; the account misses nothing"
	}
	s := ""
	for _, done := range []bool{false, true} {
		if st := w.store.ledger[w.store.key(w.edge(id).To, ord, done)]; st != nil {
			s += fmt.Sprintf(" (entry done=%v of verdict %s at %s)", done, decode(st.bytes).Verdict, st.at)
		}
	}
	return fmt.Sprintf("; edge %s misses %s%s; marks %v", id, ord, s, w.store.marks)
}

// describe draws the graph and counts the faults, for a person.
func (w *world) describe() string {
	var b strings.Builder
	p := &w.g.plan
	fmt.Fprintf(&b, "  S=%d W=%d ackwait=%s lease=%s failing=1/%d damage=1/%d tight=%d\n", p.Window.Splits, p.Window.Frames, w.g.ackWait, w.g.lease, w.g.failing, w.g.damage, w.g.tight)
	for i := range p.Steps {
		s, n := &p.Steps[i], &w.g.nodes[i]
		fmt.Fprintf(&b, "  %s", s.Node)
		if n.kind == source {
			b.WriteString(" splits of")
			for _, d := range n.data {
				fmt.Fprintf(&b, " %d", len(d))
			}
		}
		for _, id := range s.In {
			e := w.edge(id)
			fmt.Fprintf(&b, "  <- %s:%d %s (%s, capacity %d, limit %d, in hand %d, ttl %s)", p.Steps[e.From].Node, e.FromPort, id, e.Overflow, e.Capacity, e.Limit, e.InHand, e.TTL)
		}
		b.WriteString("\n")
	}
	b.WriteString("  faults:")
	for _, k := range slices.Sorted(maps.Keys(w.count)) {
		fmt.Fprintf(&b, " %s %d;", k, w.count[k])
	}
	return b.String()
}
