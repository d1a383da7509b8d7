package worker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"sluice/nodes"
)

// defaultDeadline is how long a node may take for one attempt at one record.
const defaultDeadline = 5 * time.Minute

// deadline bounds the attempts of one instance: the context of a call into the node ends when
// a single record takes too long. A timer for each record would cost more than most records
// do, so there is one for a stretch of them, which looks some times within the limit whether
// another record has begun.
type deadline struct {
	limit time.Duration // 0: the kind waits on purpose
	begun atomic.Uint64 // attempts
	over  atomic.Bool   // the context of the stretch has ended

	mu     sync.Mutex // guards what follows, which belongs to the stretch at hand
	timer  *time.Timer
	cancel context.CancelFunc
	seen   uint64
	looks  int
}

// looksIn is how often the timer looks within the limit.
const looksIn = 8

// deadline returns the limit for a kind's attempts.
func (r *jobRun) deadline(kind *nodes.Kind) time.Duration {
	if kind.Waits {
		return 0
	}
	if d := r.w.cfg.Deadline; d > 0 {
		return d
	}
	return defaultDeadline
}

// start returns the context for the records that begin from now on, until stop.
func (d *deadline) start(ctx context.Context) context.Context {
	if d.limit == 0 {
		return ctx
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ctx, d.cancel = context.WithCancel(ctx)
	d.over.Store(false)
	d.seen, d.looks = d.begun.Load(), 0
	d.timer = time.AfterFunc(d.limit/looksIn, d.look)
	return ctx
}

// next says that another attempt begins.
func (d *deadline) next() { d.begun.Add(1) }

func (d *deadline) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer == nil {
		return
	}
	if n := d.begun.Load(); n != d.seen {
		d.seen, d.looks = n, 0
	} else if d.looks++; d.looks >= looksIn {
		d.over.Store(true)
		d.cancel()
		return
	}
	d.timer.Reset(d.limit / looksIn)
}

// stop ends the stretch. The error of an attempt that was cut short says so, and is one that
// may pass.
func (d *deadline) stop(err error) error {
	if d.limit == 0 {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer.Stop()
	d.timer = nil
	d.cancel()
	if err != nil && d.over.Load() {
		return fmt.Errorf("it took longer than %s: %v", d.limit, err) // not wrapped: the node's words may be of the context's end
	}
	return err
}

// once runs one attempt that is no record's: it ends with the limit too.
func (d *deadline) once(ctx context.Context, call func(context.Context) error) error {
	d.next()
	return d.stop(call(d.start(ctx)))
}
