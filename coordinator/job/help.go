package job

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// help does what gates can't do for themselves: where no gate takes a frame that is older than
// its ttl, the server expires it, and what a gate has let through may be lost below it. Both
// are decided by protocol.Accountant.
func (r *run) help(ctx context.Context) {
	now := time.Since(r.began)
	type count struct {
		n     uint64
		known bool
	}
	counts := map[recipe.EdgeID]count{}
	stored := func(id recipe.EdgeID) (uint64, bool) {
		c, asked := counts[id]
		if !asked {
			c.n, c.known = r.stored(ctx, id)
			counts[id] = c
		}
		return c.n, c.known
	}
	for _, o := range r.acct.Overdue(now, patience, stored) {
		if o.Expire != nil {
			r.expire(ctx, o.Expire)
		} else {
			r.again(o)
		}
	}
}

// stored returns how many frames are stored on an edge, and false when that is not known.
func (r *run) stored(ctx context.Context, id recipe.EdgeID) (uint64, bool) {
	stream, subject := r.whereIs(r.plan.Edge(id))
	n, err := r.conn.SubjectCount(ctx, stream, subject)
	return n, err == nil
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
	frames, _, err := bus.Unkeep(o.Entry.Kept)
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
