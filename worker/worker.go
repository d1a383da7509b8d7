package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// Config says what a worker serves and what its nodes may touch.
type Config struct {
	Conn      *bus.Conn
	Catalogue *nodes.Catalogue
	Name      string                  // unique among the workers; part of leases and ledger entries
	Serves    func(*recipe.Step) bool // which steps, of those whose kinds the catalogue has; nil is all
	// Pool is the label of the pool that the worker belongs to: it serves the steps of that
	// pool, and those that name none. [EveryPool] is all pools; "" is none.
	Pool string

	// What nodes may touch; see nodes.Env. Nil means nothing.
	Root    *os.Root
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Stdin   interface{ Read([]byte) (int, error) }
	Console interface{ Write([]byte) (int, error) }
	Secret  func(name string) (string, error) // value of ${secret:name}

	// FullShare is the share of a publisher's readers that must be at capacity, on edges
	// that drop, before it slows down; 0 is 0.5.
	FullShare float64
	// Deadline is how long a node may take for one attempt at one record, unless its kind
	// waits on purpose; 0 is 5 minutes.
	Deadline time.Duration

	Log   hclog.Logger
	Meter Meter     // counts what is done; nil counts nothing
	Fail  Failpoint // for tests; nil never fails
}

// Worker runs steps of active jobs. Make one with New and call Run.
type Worker struct {
	cfg  Config
	log  hclog.Logger
	jobs map[recipe.JobID]*activeJob // owned by Run
}

// EveryPool makes a worker serve the steps of all pools.
const EveryPool = "*"

// serves reports whether a step is one of those that the worker is for.
func (w *Worker) serves(s *recipe.Step) bool {
	if s.Pool != "" && w.cfg.Pool != EveryPool && s.Pool != w.cfg.Pool {
		return false
	}
	return w.cfg.Serves == nil || w.cfg.Serves(s)
}

// activeJob is a start of a job that runs here, or comes to rest.
type activeJob struct {
	record  bus.JobRecord
	cancel  context.CancelFunc
	stopped bool // owned by Run, as is the map
	done    chan struct{}
	run     *jobRun
}

// settleWithin is how long a worker that leaves waits for the server to have heard it.
const settleWithin = 2 * time.Second

// stopWithin is how long a start of a job may take to come to rest. Longer than that only a
// node holds out that does not end with its context; then nobody waits for it.
const stopWithin = 3 * time.Second

// New returns a worker; Conn, Catalogue and Name must be set.
func New(c Config) (*Worker, error) {
	switch {
	case c.Conn == nil:
		return nil, fmt.Errorf("a worker needs a connection")
	case c.Catalogue == nil:
		return nil, fmt.Errorf("a worker needs a catalogue of kinds")
	case c.Name == "":
		return nil, fmt.Errorf("a worker needs a name")
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.Meter == nil {
		c.Meter = unmetered{}
	}
	return &Worker{cfg: c, log: c.Log, jobs: map[recipe.JobID]*activeJob{}}, nil
}

// Run serves jobs until ctx ends; then it brings what is in hand to rest and returns. It
// may be called once.
func (w *Worker) Run(ctx context.Context) error {
	records := make(chan bus.JobRecord, 16)
	heard := func(m *bus.Stored) {
		var rec bus.JobRecord
		if err := bus.DecodeRecord(m.Data, &rec); err != nil {
			w.log.Error("job record does not decode", "job", bus.JobOf(m.Subject), "err", err)
			return
		}
		select {
		case records <- rec:
		case <-ctx.Done():
		}
	}
	stop, err := w.cfg.Conn.Tail(ctx, bus.JobsStream, bus.JobsFilter, 0, heard)
	for errors.Is(err, bus.ErrNoStream) && pause(ctx, troubleWait) { // no coordinator was here yet
		stop, err = w.cfg.Conn.Tail(ctx, bus.JobsStream, bus.JobsFilter, 0, heard)
	}
	if ctx.Err() != nil {
		if err == nil {
			stop()
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch jobs: %w", err)
	}
	defer stop()
	defer w.stopAll()
	for {
		select {
		case <-ctx.Done():
			return nil
		case rec := <-records:
			w.reconcile(ctx, rec)
			w.forget()
		}
	}
}

// reconcile makes what runs here what the record says. It waits for nothing: a job that
// does not come to rest is in the way of its own next start, and of no other job.
func (w *Worker) reconcile(ctx context.Context, rec bus.JobRecord) {
	a := w.jobs[rec.Job]
	active := rec.State == recipe.JobRunning || rec.State == recipe.JobDraining
	if a != nil && !a.stopped && (!active || a.record.Generation != rec.Generation) {
		a.stopped = true
		a.cancel()
		if rec.State == recipe.JobFailed || rec.State == recipe.JobCancelled {
			w.clear(ctx, rec, a)
		}
	}
	switch {
	case !active:
	case a == nil || a.stopped:
		w.start(ctx, rec, a)
	case rec.State == recipe.JobDraining:
		a.run.drain()
	}
}

// start runs a job, when the start before it is over.
func (w *Worker) start(ctx context.Context, rec bus.JobRecord, before *activeJob) {
	jctx, cancel := context.WithCancel(ctx)
	run := newJobRun(w, rec)
	a := &activeJob{record: rec, cancel: cancel, done: make(chan struct{}), run: run}
	w.jobs[rec.Job] = a
	go func() {
		defer close(a.done)
		if before != nil {
			before.wait(time.After(stopWithin))
		}
		if jctx.Err() != nil {
			return
		}
		if err := run.work(jctx); err != nil && jctx.Err() == nil && !errors.Is(err, errGone) {
			run.give(jctx, err)
		}
	}()
}

// clear removes what a job that will never go on has left unfinished here, when it is at
// rest.
func (w *Worker) clear(ctx context.Context, rec bus.JobRecord, before *activeJob) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*stopWithin)
	a := &activeJob{record: rec, cancel: func() {}, stopped: true, done: make(chan struct{}), run: before.run}
	w.jobs[rec.Job] = a
	go func() {
		defer close(a.done)
		defer cancel()
		if !before.wait(time.After(stopWithin)) {
			return
		}
		if err := w.Discard(ctx, rec); err != nil {
			a.run.log.Warn("what a job left unfinished was not removed", "err", err)
		}
	}()
}

// wait reports that the job is at rest, or that the time is over.
func (a *activeJob) wait(over <-chan time.Time) bool {
	select {
	case <-a.done:
		return true
	case <-over:
		a.run.log.Warn("a job does not come to rest: a node holds it up")
		return false
	}
}

// forget drops the jobs that have come to rest.
func (w *Worker) forget() {
	for id, a := range w.jobs {
		select {
		case <-a.done:
			if a.stopped {
				delete(w.jobs, id)
			}
		default:
		}
	}
}

func (w *Worker) stopAll() {
	for _, a := range w.jobs {
		a.cancel()
	}
	over := time.After(stopWithin)
	for _, a := range w.jobs {
		a.wait(over)
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	if err := w.cfg.Conn.Settle(ctx); err != nil {
		w.log.Debug("the server may not have heard all", "err", err)
	}
}
