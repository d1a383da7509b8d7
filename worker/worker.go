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
	// Kinds are patterns of the kinds that it serves; see [Patterns]. None is all.
	Kinds []string
	// Concurrency is how many frames are computed at once, in all jobs; 0 is what Slots says. As many
	// again, 8 times, may be under way that ask the outside world, since those mostly wait, and
	// kinds that wait on purpose are not counted.
	Concurrency int
	// Announce tells coordinators of the worker; nil tells nobody.
	Announce *Announcement
	// Formats are the versions of frames and plans that it takes; nil is what this build reads.
	Formats *bus.Formats

	// What nodes may touch; see nodes.Env. Nil means nothing.
	Root *os.Root
	// Artifacts says that the project keeps files: nodes read them, and where Root is nil a file
	// that a sink writes becomes one.
	Artifacts bool
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Stdin     interface{ Read([]byte) (int, error) }
	Console   interface{ Write([]byte) (int, error) } // nil where Announce is set: lines go to the coordinators
	// Secret returns the value of ${secret:name} in a node of a job. It may wait, until ctx ends.
	// The node is "" where none names the secret: then the value would only be kept out of what
	// is said.
	Secret func(ctx context.Context, job recipe.JobID, node, name string) (string, error)

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

	shares   shares
	rooms    rooms
	news     *announcer // nil tells nobody
	draining bool       // owned by Run
}

// activeJob is a start of a job that runs here, or comes to rest.
type activeJob struct {
	record  bus.JobRecord
	cancel  context.CancelFunc
	stopped bool // owned by Run, as is the map
	done    chan struct{}
	run     *jobRun // nil where it is refused
	refused string  // why the job is left to others
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
	case c.Concurrency < 0:
		return nil, fmt.Errorf("a worker can't compute %d frames at once", c.Concurrency)
	}
	if err := checkPatterns(c.Kinds, c.Catalogue); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.Meter == nil {
		c.Meter = unmetered{}
	}
	return &Worker{cfg: c, log: c.Log, jobs: map[recipe.JobID]*activeJob{}, shares: newShares(c.Concurrency)}, nil
}

// DrainWithin is how long Run goes on behind the end of its context, at most: it says that it
// drains, brings what is in hand to rest, and says that it has left.
const DrainWithin = stopWithin + settleWithin + announceAgain

// passes reports whether servers that are up and in order can answer so for a while.
func passes(err error) bool { return errors.Is(err, bus.ErrNoStream) || errors.Is(err, bus.ErrTimeout) }

// Run serves jobs until ctx ends; then it brings what is in hand to rest, within
// [DrainWithin], and returns. It may be called once.
func (w *Worker) Run(ctx context.Context) error {
	records := make(chan bus.JobRecord, 16)
	heard := func(m *bus.Stored) {
		rec, err := readJob(m)
		if err != nil {
			w.log.Error("job record does not decode", "job", bus.JobOf(m.Subject), "err", err)
			return
		}
		select {
		case records <- rec:
		case <-ctx.Done():
		}
	}
	stop, err := w.follow(ctx, heard)
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
	if w.news, err = w.announcer(); err != nil {
		return err
	}
	defer w.news.leave()
	defer w.stopAll()
	timing, hush := context.WithCancel(ctx)
	defer hush()
	go w.cfg.Conn.KeepTime(timing, bus.JobsStream)
	w.namesake(ctx)
	w.news.tell()
	beat, due := w.news.beats()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat:
			w.news.tell()
		case <-due:
			w.news.tell()
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
		if a.refused == "" && (rec.State == recipe.JobFailed || rec.State == recipe.JobCancelled) {
			w.clear(ctx, rec, a)
		}
	}
	switch {
	case !active:
	case a == nil || a.stopped:
		if why := w.refuses(&rec); why != "" {
			w.refuse(rec, a, why)
			return
		}
		w.start(ctx, rec, a)
	case a.refused != "":
	case rec.State == recipe.JobDraining:
		a.run.drain()
	}
}

// refuse leaves a job to others, and says so. A start of it that still comes to rest here is
// waited for by nobody.
func (w *Worker) refuse(rec bus.JobRecord, before *activeJob, why string) {
	w.log.Warn("a job is left to others", "job", string(rec.Job), "err", why)
	done := make(chan struct{})
	close(done)
	a := &activeJob{record: rec, cancel: func() {}, done: done, refused: why}
	if before != nil {
		a.done = before.done
	}
	w.jobs[rec.Job] = a
	w.news.hasten()
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
			before.within(stopWithin)
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
		if !before.within(stopWithin) {
			return
		}
		if err := w.Discard(ctx, rec); err != nil {
			a.run.log.Warn("what a job left unfinished was not removed", "err", err)
		}
	}()
}

// within is wait for so long.
func (a *activeJob) within(d time.Duration) bool {
	over, end := context.WithTimeout(context.Background(), d)
	defer end()
	return a.wait(over.Done())
}

// wait reports that the job is at rest, or that the time is over.
func (a *activeJob) wait(over <-chan struct{}) bool {
	select {
	case <-a.done:
		return true
	case <-over:
		if a.run == nil { // refused, behind a start that does not come to rest
			return false
		}
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

// settled waits until a job is at rest, or over ends, and tells meanwhile that the worker is
// there.
func (w *Worker) settled(over context.Context, a *activeJob) {
	beat, _ := w.news.beats()
	for {
		select {
		case <-beat:
			w.news.tell()
		case <-a.done:
			return
		case <-over.Done():
			a.wait(over.Done())
			return
		}
	}
}

func (w *Worker) stopAll() {
	w.draining = true
	w.news.tell()
	for _, a := range w.jobs {
		a.cancel()
	}
	over, end := context.WithTimeout(context.Background(), stopWithin)
	defer end()
	for _, a := range w.jobs {
		w.settled(over, a)
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleWithin)
	defer cancel()
	if err := w.cfg.Conn.Settle(ctx); err != nil {
		w.log.Debug("the server may not have heard all", "err", err)
	}
}
