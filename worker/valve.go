package worker

import (
	"context"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// valve holds a gate back. A gate is faster than whoever reads below it; would it pass on
// all it gets, the frames would wait below it, where nothing expires and nothing is dropped,
// and the edge above would never be full. So it takes a frame to pass on only while few wait
// below; and besides, to drop or expire them, those that are over the capacity of an edge
// that drops the oldest, and those that are too old.
//
// How many are few depends on the reader: enough for it never to wait, and no more than it
// takes in a moment. They are fewer than it can have in hand, so that what comes behind them
// and is empty passes a reader that stands still. An ordered reader says when the frame whose
// turn it is is behind others: then what waits below does not count.
type valve struct {
	l      *relayLoop
	in     *recipe.Edge
	out    *recipe.Edge
	reader *recipe.Step
	grant  int // frames that may be taken before it measures again
	pass   int // of those that were taken, the next so many are for the reader
	asking bool

	// Of the measuring goroutine, of which there is one at a time.
	allow int    // frames that may wait below
	found [2]int // grant and pass, for the loop when it is told
}

// Bounds of a valve.
const (
	belowGate  = 16                    // frames below, at most
	belowTime  = 30 * time.Millisecond // what they may take their reader: some looks of the valve
	valveEvery = 10 * time.Millisecond
)

func newValve(l *relayLoop, in *recipe.Edge) *valve {
	out := l.job.plan.Edge(l.step.Out[0])
	v := &valve{l: l, in: in, out: out, reader: &l.job.plan.Steps[out.To]}
	v.allow = v.least()
	return v
}

// least is what must be below: as many frames as a reader on one worker works on at once. It
// waits then, between two frames, for the valve to look.
func (v *valve) least() int { return v.reader.Parallel }

// want gives the puller credit, or looks how many frames wait, when all that was taken has
// been passed on.
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
	if !v.asking && v.l.m.InHand() == 0 {
		v.asking = true
		go v.measure(v.l.ctx)
	}
}

// measure looks how many frames wait below until one more may pass, and tells the loop how
// many.
func (v *valve) measure(ctx context.Context) {
	var last int // frames below when some were last seen to go, and when that was
	var at time.Time
	for ; ; pause(ctx, valveEvery) {
		if ctx.Err() != nil {
			return
		}
		below, err := v.stored(ctx, v.out)
		if err != nil {
			continue
		}
		now, starves := time.Now(), v.l.job.places.starves(v.reader.ID)
		switch {
		case at.IsZero(), starves:
			if at, last = now, below; below == 0 { // the reader waits
				v.allow = max(v.allow, min(2*v.allow, belowGate))
			}
		case below < last:
			v.allow = v.paced(now.Sub(at) / time.Duration(last-below))
			at, last = now, below
		case below > last:
			last = below
		}
		pass := max(0, v.allow-below)
		if starves { // what it waits for may be behind others above
			pass = belowGate
		}
		grant := max(pass, v.over(ctx), v.old(ctx))
		if grant > 0 {
			v.found = [2]int{grant, pass}
			v.l.box.post(event{kind: evLevels})
			return
		}
	}
}

// paced is what may wait below a reader that takes so long for a frame.
func (v *valve) paced(frame time.Duration) int {
	return max(v.least(), min(belowGate, int(belowTime/max(frame, 1))+1))
}

// over is the number of frames above that are over the capacity: they are dropped, whatever
// waits below.
func (v *valve) over(ctx context.Context) int {
	if v.in.Overflow != recipe.DropOldest {
		return 0
	}
	above, err := v.stored(ctx, v.in)
	if err != nil {
		return 0
	}
	return above - v.in.Capacity
}

// old is the number of frames above, of some, that are older than the ttl. The server would
// remove them soon, and only the coordinator finds out then, later.
func (v *valve) old(ctx context.Context) int {
	if v.in.TTL == 0 {
		return 0
	}
	stream, subject := v.l.job.streamOf(v.in), v.l.job.names.Fill(v.in.Subject)
	n, seq := 0, uint64(1)
	for n < belowGate {
		m, err := v.l.job.conn.Next(ctx, stream, subject, seq)
		if err != nil || v.l.job.conn.Age(m.Time) <= v.in.TTL {
			break
		}
		n, seq = n+1, m.Seq+1
	}
	return n
}

// stored is the number of frames on an edge.
func (v *valve) stored(ctx context.Context, e *recipe.Edge) (int, error) {
	n, err := v.l.job.conn.SubjectCount(ctx, v.l.job.streamOf(e), v.l.job.names.Fill(e.Subject))
	return int(n), err
}

// measured takes what measure found.
func (v *valve) measured() { v.grant, v.pass, v.asking = v.found[0], v.found[1], false }

// backlog is the number of messages that wait on the edge, with one that was taken just now;
// 0 for one that the reader has room for, which is not dropped however many wait.
func (v *valve) backlog(m *bus.Message) int64 {
	if v == nil {
		return 0
	}
	if v.pass > 0 {
		v.pass--
		return 0
	}
	return int64(m.Pending) + 1
}
