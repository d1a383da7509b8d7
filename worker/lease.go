package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// lease is the right to run an ordered step, held by compare-and-set on one subject of
// the job's state. It is renewed by a timer of its own, never by the step's loop. Nobody
// compares clocks: who wants it waits until it has seen no beat for the lease's time.
type lease struct {
	job   *jobRun
	step  *recipe.Step
	epoch uint64

	mu   sync.Mutex
	seq  uint64 // guarded by mu
	rec  bus.Lease
	gone bool
}

// acquire waits until the step's lease is free and takes it.
func (r *jobRun) acquire(ctx context.Context, step *recipe.Step) (*lease, error) {
	var seen bus.Lease
	var since time.Time
	for {
		cur, seq, err := r.readLease(ctx, step)
		if err != nil {
			return nil, err
		}
		if cur != seen || since.IsZero() {
			seen, since = cur, time.Now()
		}
		if cur.Generation > r.rec.Generation {
			return nil, errLater
		}
		free := cur.Worker == "" || cur.Generation < r.rec.Generation || cur.Worker == r.w.cfg.Name || time.Since(since) > r.rec.Lease
		if free {
			next := bus.Lease{Worker: r.w.cfg.Name, Generation: r.rec.Generation, Epoch: cur.Epoch + 1}
			data, _ := json.Marshal(next)
			out := r.pub.PutSync(ctx, bus.Put{Subject: r.names.Lease(step.ID), Data: data, ExpectSubjectSeq: &seq})
			if out.Err == nil {
				return &lease{job: r, step: step, epoch: next.Epoch, seq: out.Seq, rec: next}, nil
			}
			if !errors.Is(out.Err, bus.ErrConflict) && !errors.Is(out.Err, bus.ErrTimeout) {
				return nil, fmt.Errorf("take the lease: %w", out.Err)
			}
		}
		if !pause(ctx, min(r.rec.Lease/10, 500*time.Millisecond)) {
			return nil, ctx.Err()
		}
	}
}

func (r *jobRun) readLease(ctx context.Context, step *recipe.Step) (bus.Lease, uint64, error) {
	var l bus.Lease
	m, err := r.conn.Last(ctx, r.names.State(), r.names.Lease(step.ID))
	if errors.Is(err, bus.ErrNotFound) {
		return l, 0, nil
	}
	if err != nil {
		return l, 0, fmt.Errorf("read the lease: %w", err)
	}
	if err := json.Unmarshal(m.Data, &l); err != nil {
		return l, 0, fmt.Errorf("read the lease: %w", err)
	}
	return l, m.Seq, nil
}

// renew beats until ctx ends; lost is called when another worker has the lease, or when
// no beat got through for two thirds of its time.
func (l *lease) renew(ctx context.Context, lost func()) {
	last := time.Now()
	for pause(ctx, l.job.rec.Lease/6) {
		if err := l.beat(ctx); err == nil {
			last = time.Now()
		} else if errors.Is(err, bus.ErrConflict) || time.Since(last) > l.job.rec.Lease*2/3 {
			lost()
			return
		}
	}
}

func (l *lease) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.job.rec.Lease/6)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return bus.ErrConflict
	}
	next := l.rec
	next.Beat++
	data, _ := json.Marshal(next)
	out := l.job.pub.PutSync(ctx, bus.Put{Subject: l.job.names.Lease(l.step.ID), Data: data, ExpectSubjectSeq: &l.seq})
	if out.Err == nil {
		l.rec, l.seq = next, out.Seq
	}
	if errors.Is(out.Err, bus.ErrConflict) {
		return l.own(ctx)
	}
	return out.Err
}

// own looks whether the beat that got in the way was one of this lease, whose answer was
// lost: then the lease goes on from it. Called with mu held.
func (l *lease) own(ctx context.Context) error {
	cur, seq, err := l.job.readLease(ctx, l.step)
	switch {
	case err != nil:
		return err
	case cur.Worker != l.rec.Worker || cur.Generation != l.rec.Generation || cur.Epoch != l.rec.Epoch:
		return bus.ErrConflict
	}
	l.rec, l.seq = cur, seq
	return nil
}

// release frees the lease for others at once, if it is still held.
func (l *lease) release() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	next := bus.Lease{Generation: l.rec.Generation, Epoch: l.rec.Epoch, Beat: l.rec.Beat + 1}
	data, _ := json.Marshal(next)
	l.job.pub.PutSync(ctx, bus.Put{Subject: l.job.names.Lease(l.step.ID), Data: data, ExpectSubjectSeq: &l.seq})
}

// ownConsumer makes the consumer of this reign on an in-edge, after deleting those of
// earlier ones. A consumer of a later reign is left alone: then this reign is over.
func (r *jobRun) ownConsumer(ctx context.Context, stream string, step *recipe.Step, e *recipe.Edge, epoch uint64) (string, error) {
	mine := r.names.Consumer(step.ID, e.ID, r.rec.Generation, epoch)
	prefix := mine[:strings.LastIndexByte(mine, '-')]
	prefix = prefix[:strings.LastIndexByte(prefix, '-')+1] // step<N>-<edge>-
	all, err := r.conn.Consumers(ctx, stream)
	if err != nil {
		return "", fmt.Errorf("list consumers: %w", err)
	}
	for _, name := range all {
		if !strings.HasPrefix(name, prefix) || name == mine {
			continue
		}
		var g, old uint64
		if _, err := fmt.Sscanf(name[len(prefix):], "g%d-r%d", &g, &old); err == nil && g > r.rec.Generation {
			return "", errLater
		} else if err == nil && old > epoch {
			return "", errRestart
		}
		if err := r.conn.DeleteConsumer(ctx, stream, name); err != nil {
			return "", fmt.Errorf("delete the consumer of an earlier reign: %w", err)
		}
	}
	err = r.conn.EnsureConsumer(ctx, bus.ConsumerConfig{Stream: stream, Name: mine, Filter: r.names.Fill(e.Subject), AckWait: ownedAckWait,
		MaxAckPending: e.InHand, Memory: true})
	if errors.Is(err, bus.ErrDiffers) { // another reign's was made meanwhile
		return "", errRestart
	}
	if err != nil {
		return "", fmt.Errorf("make the consumer of this reign: %w", err)
	}
	return mine, nil
}

// ownedAckWait never passes in practice: frames of an ordered step are held back
// unacknowledged for as long as their turn takes, and a takeover deletes the consumer.
const ownedAckWait = 24 * time.Hour

// entries reads the ledger's entries of a step that its checkpoint does not cover.
func (r *jobRun) entries(ctx context.Context, step *recipe.Step, at protocol.Cursors) ([]*protocol.Entry, error) {
	var all []*protocol.Entry
	err := r.conn.Scan(ctx, r.names.Ledger(), r.names.LedgerStep(step.ID), 0, func(m *bus.Stored) error {
		e, err := r.decode(step, m.Data)
		if err != nil {
			return err
		}
		if int(e.Ord.Lane) < len(at) && at[e.Ord.Lane].Passed(e.Ord) {
			return nil
		}
		all = append(all, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return all, nil
}
