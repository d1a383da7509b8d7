package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// mostWaiting bounds the frames, and edges, that are read for one look at what waits, and
// waitingWithin the time for it.
const (
	mostWaiting   = 4096
	waitingWithin = 3 * time.Second
)

// waiting reads which frames are stored on the edges.
func (r *run) waiting(ctx context.Context) (w protocol.Waiting, err error) {
	ctx, cancel := context.WithTimeout(ctx, waitingWithin)
	defer cancel()
	left := mostWaiting
	for i := range r.plan.Edges {
		n, err := r.waitingOn(ctx, &r.plan.Edges[i], left, &w)
		if left -= n; err != nil || left <= 0 {
			return w, err
		}
	}
	w.All = true
	return w, nil
}

// waitingOn reads which frames are stored on an edge, with so many requests at most, and
// returns how many it made.
func (r *run) waitingOn(ctx context.Context, e *recipe.Edge, most int, w *protocol.Waiting) (made int, err error) {
	stream, subject := r.whereIs(e)
	seq := uint64(1)
	for made < most {
		made++
		m, err := r.conn.Next(ctx, stream, subject, seq)
		if errors.Is(err, bus.ErrNotFound) {
			return made, nil
		}
		if err != nil {
			return made, err
		}
		seq = m.Seq + 1
		if h, _, err := bus.OpenFrame(m.Data); !errors.Is(err, bus.ErrHeader) { // of which nothing is known; its reader says so
			w.Add(e, h.Ordinal(), h.Parts)
		}
	}
	return made, nil
}

// lost is a frame that was found nowhere.
type lost struct {
	edge recipe.EdgeID
	ord  recipe.Ordinal
}

// seek looks for a frame that a job waits for which does not move, and fails the job when
// two looks have found it nowhere. What the ledger holds has to be known by then.
func (r *run) seek(ctx context.Context) {
	before, lastly := r.sought, r.lost
	defer func() { r.sought = time.Now() }()
	r.lost = lost{}
	w, err := r.waiting(ctx)
	if err != nil {
		r.log.Debug("what waits on the edges was not read", "err", err)
		return
	}
	if _, err := r.conn.Next(ctx, r.names.Ledger(), r.names.LedgerAll(), r.heard+1); !errors.Is(err, bus.ErrNotFound) {
		return
	}
	edge, ord, found := r.acct.Lost(w)
	if !found {
		return
	}
	r.lost = lost{edge, ord}
	if lastly == r.lost && r.moved.Before(before) {
		r.reason = fmt.Sprintf("%s does not balance: frame %s was produced, it is stored nowhere any more, and the ledger has no entry that %s took it",
			r.edgeName(edge), ord, r.plan.Steps[r.plan.Edge(edge).To].Node)
	}
}

// whereIs returns the stream and the subject that hold an edge.
func (r *run) whereIs(e *recipe.Edge) (stream, subject string) {
	return r.names.Fill(r.plan.Streams[e.Stream].Name), r.names.Fill(e.Subject)
}
