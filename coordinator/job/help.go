package job

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// help does what gates can't do for themselves: an edge's ttl is the stream's MaxAge, so
// the server may expire a frame before its gate has seen it, and a frame that a gate let
// through may expire below it. Both are decided by protocol.Accountant.
func (r *run) help(ctx context.Context) {
	now := time.Since(r.began)
	empty := map[recipe.EdgeID]bool{}
	isEmpty := func(id recipe.EdgeID) bool {
		known, ok := empty[id]
		if !ok {
			known = r.empty(ctx, id)
			empty[id] = known
		}
		return known
	}
	for _, o := range r.acct.Overdue(now, patience, isEmpty) {
		if o.Expire != nil {
			r.expire(ctx, o.Expire)
		} else {
			r.again(o)
		}
	}
}

// empty reports whether nothing is stored on an edge; when in doubt it is not.
func (r *run) empty(ctx context.Context, id recipe.EdgeID) bool {
	e := r.plan.Edge(id)
	subject := r.names.Fill(e.Subject)
	counts, err := r.conn.SubjectCounts(ctx, r.names.Fill(r.plan.Streams[e.Stream].Name), subject)
	return err == nil && counts[subject] == 0
}

// expire gives a gate's verdict in its place: the entry first, then the empty frame.
func (r *run) expire(ctx context.Context, e *protocol.Entry) {
	e.By, e.Version = "coordinator", r.plan.Steps[e.Step].Version
	out := r.pub.PutSync(ctx, bus.Put{Subject: r.names.LedgerEntry(r.plan.Steps[e.Step].Lanes[e.Ord.Lane].Source, e.Step, e.Ord, false), Data: e.Append(nil)})
	if out.Err != nil { // the gate was first, or it is tried again
		return
	}
	for i := range r.plan.Steps[e.Step].Out {
		r.put(e, i, 0, nil)
	}
}

// again publishes once more what an entry says, from what it keeps.
func (r *run) again(o protocol.Overdue) {
	frames, err := bus.Unkeep(o.Entry.Kept)
	if err != nil && o.Entry.Verdict == protocol.Run {
		r.reason = fmt.Sprintf("the ledger is damaged at step %s frame %s: %v", r.plan.Steps[o.Entry.Step].Node, o.Entry.Ord, err)
		return
	}
	edge := r.plan.Edge(r.plan.Steps[o.Entry.Step].Out[o.Edge])
	if o.Entry.Verdict != protocol.Run || o.Entry.LostAt(o.Edge) {
		r.put(o.Entry, o.Edge, o.Part, nil)
		return
	}
	r.put(o.Entry, o.Edge, o.Part, frames[edge.FromPort][o.Part])
}

// put publishes a frame on an out-edge of a step, an empty one when data is nil. A refusal
// is no harm: what is overdue comes up again.
func (r *run) put(e *protocol.Entry, out, part int, data []byte) {
	s := &r.plan.Steps[e.Step]
	edge := r.plan.Edge(s.Out[out])
	if data == nil {
		h := bus.Header{Type: edge.Type, Split: e.Ord.Split, N: e.Ord.N, Lane: e.Ord.Lane,
			Parts: protocol.PartOf(e, len(e.Counts[edge.FromPort]), part), EndSplit: e.EndSplit, EndSource: e.EndSource}
		data = bus.AppendFrame(nil, &h, nil)
	}
	r.pub.Put(bus.Put{Subject: r.names.Fill(edge.Subject), Data: data}, func(o bus.Outcome) {
		if o.Err != nil {
			r.log.Debug("frame not published again", "edge", edge.ID, "err", o.Err)
		}
	})
}

// watchdog fails a job that has not moved for long, and names where it waits. Where
// nothing is stored any more that could still move, it does not wait that long.
func (r *run) watchdog(ctx context.Context) {
	still := time.Since(r.moved)
	if still < lostAfter {
		return
	}
	edge, ord, missing := r.acct.Missing()
	if !missing {
		return // the sources wait for input
	}
	e := r.plan.Edge(edge)
	from, to := &r.plan.Steps[e.From], &r.plan.Steps[e.To]
	if r.nothingLeft(ctx) {
		r.reason = fmt.Sprintf("edge %s (%s to %s) does not balance: frame %s was produced, nothing is stored any more, and the ledger has no entry that %s took it",
			edge, from.Node, to.Node, ord, to.Node)
		return
	}
	if still > orDefault(r.cfg.Stall, defaultStall) {
		r.reason = fmt.Sprintf("edge %s (%s to %s) makes no progress: nothing has moved for %s, and frame %s waits to be taken; is a worker running that serves kind %s?",
			edge, from.Node, to.Node, still.Round(time.Second), ord, to.Kind)
	}
}

// nothingLeft reports whether all splits are done and nothing is stored on any edge: then
// nothing can move any more.
func (r *run) nothingLeft(ctx context.Context) bool {
	for i := range r.plan.Steps {
		if r.plan.Steps[i].Role == recipe.RoleSource && !r.acct.SplitsDone(i) {
			return false
		}
	}
	for i := range r.plan.Streams {
		st, err := r.conn.StreamState(ctx, r.names.Fill(r.plan.Streams[i].Name))
		if err != nil || st.Msgs > 0 {
			return false
		}
	}
	return true
}

// lostAfter is how long nothing has moved before the watchdog looks for a lost frame.
const lostAfter = 5 * time.Second
