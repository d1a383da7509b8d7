package worker

import (
	"context"
	"time"

	"sluice/recipe"
)

// valve holds a gate back that drops. A gate is faster than whoever reads below it; would
// it pass on all it gets, the frames would wait below it, where nothing is dropped, and the
// edge above would never be full. So it takes a frame to pass on only while few wait below,
// and beyond that only what is over the edge's capacity, to drop it.
type valve struct {
	l      *relayLoop
	in     *recipe.Edge
	out    *recipe.Edge
	grant  int // frames that may be taken before it measures again
	asking bool
}

// Frames that may wait below a gate that drops, and how often it looks while more do.
const (
	belowGate  = 16
	valveEvery = 10 * time.Millisecond
)

// newValve returns the valve of a gate, nil where the edge does not drop.
func newValve(l *relayLoop, in *recipe.Edge) *valve {
	if in.Overflow == recipe.Block {
		return nil
	}
	return &valve{l: l, in: in, out: l.job.plan.Edge(l.step.Out[0])}
}

// want gives the puller credit, or looks how many frames wait.
func (v *valve) want(room int) {
	if v.l.asked[0] > 0 {
		return
	}
	if n := min(room, v.grant); n > 0 {
		v.l.asked[0] += n
		v.grant -= n
		v.l.pullers[0].Want(n)
		return
	}
	if !v.asking {
		v.asking = true
		go v.measure(v.l.ctx)
	}
}

// measure reads how many frames wait on both edges, and tells the loop when a frame may be
// taken.
func (v *valve) measure(ctx context.Context) {
	for {
		below, err := v.stored(ctx, v.out)
		grant := belowGate - below
		if err == nil && v.in.Overflow == recipe.DropOldest {
			var above int
			above, err = v.stored(ctx, v.in)
			grant = max(grant, above-v.in.Capacity-1) // those over the capacity are dropped, whatever waits below
		}
		if err == nil && grant > 0 {
			v.l.box.post(event{kind: evLevels, part: grant})
			return
		}
		if !pause(ctx, valveEvery) {
			return
		}
	}
}

func (v *valve) stored(ctx context.Context, e *recipe.Edge) (int, error) {
	subject := v.l.job.names.Fill(e.Subject)
	counts, err := v.l.job.conn.SubjectCounts(ctx, v.l.job.names.Fill(v.l.job.plan.Streams[e.Stream].Name), subject)
	return int(counts[subject]), err
}

// measured takes what measure found.
func (v *valve) measured(e *event) { v.grant, v.asking = e.part, false }
