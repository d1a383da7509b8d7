package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
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

	Log  hclog.Logger
	Fail Failpoint // for tests; nil never fails
}

// Worker runs steps of active jobs. Make one with New and call Run.
type Worker struct {
	cfg  Config
	log  hclog.Logger
	mu   sync.Mutex
	jobs map[recipe.JobID]*activeJob // guarded by mu
}

type activeJob struct {
	record bus.JobRecord
	cancel context.CancelFunc
	done   chan struct{}
	run    *jobRun
}

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
	return &Worker{cfg: c, log: c.Log, jobs: map[recipe.JobID]*activeJob{}}, nil
}

// Run serves jobs until ctx ends; then it brings what is in hand to rest and returns. It
// may be called once.
func (w *Worker) Run(ctx context.Context) error {
	records := make(chan bus.JobRecord, 16)
	heard := func(m *bus.Stored) {
		var rec bus.JobRecord
		if err := json.Unmarshal(m.Data, &rec); err != nil {
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
		}
	}
}

// reconcile makes what runs here what the record says.
func (w *Worker) reconcile(ctx context.Context, rec bus.JobRecord) {
	w.mu.Lock()
	a := w.jobs[rec.Job]
	w.mu.Unlock()
	active := rec.State == recipe.JobRunning || rec.State == recipe.JobDraining
	if a != nil && (!active || a.record.Generation != rec.Generation) {
		w.stop(rec.Job)
		a = nil
	}
	switch {
	case !active:
	case a == nil:
		w.start(ctx, rec)
	case rec.State == recipe.JobDraining:
		a.run.drain()
	}
}

func (w *Worker) start(ctx context.Context, rec bus.JobRecord) {
	jctx, cancel := context.WithCancel(ctx)
	run := newJobRun(w, rec)
	a := &activeJob{record: rec, cancel: cancel, done: make(chan struct{}), run: run}
	w.mu.Lock()
	w.jobs[rec.Job] = a
	w.mu.Unlock()
	go func() {
		defer close(a.done)
		if err := run.work(jctx); err != nil && jctx.Err() == nil {
			run.give(jctx, err)
		}
	}()
}

func (w *Worker) stop(job recipe.JobID) {
	w.mu.Lock()
	a := w.jobs[job]
	delete(w.jobs, job)
	w.mu.Unlock()
	if a != nil {
		a.cancel()
		<-a.done
	}
}

func (w *Worker) stopAll() {
	w.mu.Lock()
	var all []recipe.JobID
	for id, a := range w.jobs {
		a.cancel()
		all = append(all, id)
	}
	w.mu.Unlock()
	for _, id := range all {
		w.stop(id)
	}
}
