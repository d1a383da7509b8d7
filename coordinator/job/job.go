package job

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// Config describes the job to run. Conn, Job and, for a new job, Plan must be set.
type Config struct {
	Conn *bus.Conn
	Job  recipe.JobID
	Plan *recipe.Plan // of a new job; a stored job has its own
	// Parent is the job whose dead letters a new job replays, "" for others.
	Parent recipe.JobID
	Origin bus.Origin // of a new job

	AckWait time.Duration // after which a frame of a hung worker goes to another; 0 is 30 s
	Lease   time.Duration // after which an ordered step of a dead worker does; 0 is 15 s
	Stall   time.Duration // without any progress, the job fails and an edge is named; 0 is 10 min

	// Show is called with news, from a goroutine of its own, one snapshot at a time; may be nil.
	// One that is slow misses those between.
	Show func(recipe.Progress)
	Log  hclog.Logger
	// Idle says that nothing can move now, and that this is no fault: no worker is there to serve
	// a step. The watchdog waits meanwhile. Nil never says so.
	Idle func() bool
	// Priority of a new job among others, -10 to 10: a worker gives it more of its time.
	Priority int
	Replicas int // of the job's streams; 0 is 1
	// Span begins a span of a trace and returns what ends it. Nil traces nothing.
	Span func(ctx context.Context, name string) (context.Context, func(error))
	// Folded, for tests, is called between a fold that was written and the purges that it covers.
	Folded func()
	// Finish is called when all is done and before it is written that the job has succeeded; what
	// it does must bear being done again. A reason fails the job; an error ends Run, and whoever
	// goes on with the job calls it again. It has finishWithin. Nil does nothing.
	Finish func(context.Context) (reason string, err error)
	// Keep leaves the streams of a job that ended; otherwise only its record and its dead
	// letters stay.
	Keep bool
}

// Defaults, and how often the coordinator looks.
const (
	defaultAckWait = 30 * time.Second
	defaultLease   = 15 * time.Second
	defaultStall   = 10 * time.Minute
	foldEvery      = 100 * time.Millisecond
	helpEvery      = 250 * time.Millisecond
	patience       = 5 * time.Second // before a gate's frame is published again
)

// ErrNone is answered for a job that is not stored.
var ErrNone = errors.New("no such job")

// Stored returns the record of a stored job, or ErrNone.
func Stored(ctx context.Context, conn *bus.Conn, id recipe.JobID) (*bus.JobRecord, error) {
	m, err := conn.Last(ctx, bus.JobsStream, bus.JobSubject(id))
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrNoStream) || errors.Is(err, bus.ErrGone) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of job %s: %w", id, err)
	}
	var rec bus.JobRecord
	if err := bus.DecodeRecord(m.Data, &rec); err != nil {
		return nil, fmt.Errorf("read the record of job %s: %w", id, err)
	}
	rec.Revision = m.Seq
	return &rec, nil
}

// All returns the records of all stored jobs, in the order in which they started.
func All(ctx context.Context, conn *bus.Conn) ([]*bus.JobRecord, error) {
	var all []*bus.JobRecord
	err := conn.Scan(ctx, bus.JobsStream, bus.JobsFilter, 0, func(m *bus.Stored) error {
		rec := &bus.JobRecord{}
		if err := bus.DecodeRecord(m.Data, rec); err != nil {
			return fmt.Errorf("read the record of job %s: %w", bus.JobOf(m.Subject), err)
		}
		rec.Revision = m.Seq
		all = append(all, rec)
		return nil
	})
	slices.SortStableFunc(all, func(a, b *bus.JobRecord) int { return a.Started.Compare(b.Started) })
	return all, err
}

// EnsureJobs makes the stream of job records. Workers and coordinators need it.
func EnsureJobs(ctx context.Context, conn *bus.Conn, replicas int) error {
	return conn.EnsureJobs(ctx, replicas)
}

// run is a job at work.
type run struct {
	cfg   Config
	conn  *bus.Conn
	log   hclog.Logger
	names bus.Names
	rec   bus.JobRecord
	plan  *recipe.Plan
	pub   *bus.Publisher
	acct  *protocol.Accountant

	began   time.Time
	foldSeq uint64
	written map[int]protocol.Mark  // the marks of the fold that is stored
	purges  []protocol.Purge       // due behind the next fold that is written
	tried   bool                   // the first of them was asked for, and nobody knows what came of it
	carried int                    // how many of them somebody else carried out
	looked  time.Time              // when the ledger was found whole, or not
	gap     time.Time              // when an entry was found missing
	loss    protocol.Loss          // what is known of it
	owed    time.Time              // since when a fold is to be written again; zero when none is
	reason  string                 // why the job must fail
	rest    string                 // why it must rest
	moved   time.Time              // last time anything moved
	idle    time.Time              // last time that nothing could move
	watched time.Time              // when the watchdog looked last
	heard   uint64                 // the sequence of the last entry that was read of the ledger
	sought  time.Time              // when a frame was last looked for
	lost    lost                   // the one that was found nowhere then
	read    map[int]time.Time      // by source: last time that a worker was at it
	here    map[string]bool        // workers that have something of this start of the job in hand
	stood   time.Time              // when the job's streams were last seen
	served  time.Time              // when its consumers were
	mute    map[string]time.Time   // consumers that don't answer, and since when
	deaf    func(name string) bool // of tests: that consumer, or stream, is taken for one that does not answer; nil: none
	late    lateStreams
	// reconnects is how often the connection had come back when the job's consumers were there.
	reconnects uint64
	shower     *shower     // nil when nobody wants to see
	news       chan func() // what the subscriptions bring, for the one loop
	oneSource  bool
	values     *bus.Objects          // nil until there are large values
	ended      bool                  // the job had ended before this run
	caught     bool                  // all that runs before this one did is counted
	earlier    []recipe.StepProgress // that
	shown      float64               // the fraction that was shown last
	sizes      map[int][]int64       // by source: the sizes of its splits, summed up; none where unknown
}

// Run runs a job until it is at its end or at rest, as control may ask, and returns its
// last progress. A stored job goes on under a new generation: whatever was in hand before
// is handed out again at once. The error is nil when the job came to rest or to its end,
// whichever it was; [ErrUnwritten] when only this process knows that it rests.
func Run(ctx context.Context, c Config, control Control) (recipe.Progress, error) {
	r, err := open(ctx, c)
	if err != nil {
		return recipe.Progress{}, err
	}
	defer r.pub.Close()
	if r.rec.State.Final() {
		r.ended = true
		return r.progress(), nil
	}
	if err := r.resume(ctx); err != nil {
		return r.progress(), err
	}
	if r.reason != "" {
		return r.conclude(ending{recipe.JobFailed, r.reason})
	}
	deaf, err := r.hearWorkers(ctx)
	if err != nil {
		return r.progress(), err
	}
	defer deaf()
	idle, err := r.serveChores()
	if err != nil {
		return r.progress(), err
	}
	defer idle()
	gone, err := r.late.find(ctx, r) // once it serves: nothing is made between
	if err != nil {
		return r.progress(), err
	}
	if gone != "" {
		return r.conclude(ending{recipe.JobFailed, goneReason(gone)})
	}
	if err := r.spanned(ctx, "provision", r.provision); err != nil {
		return recipe.Progress{}, err
	}
	end, err := r.loop(ctx, control)
	if errors.Is(err, bus.ErrStore) {
		end, err = ending{recipe.JobStopped, err.Error()}, nil
	}
	if err != nil {
		return r.progress(), err
	}
	return r.conclude(end)
}

// spanned does a part of the run as a span of its own.
func (r *run) spanned(ctx context.Context, name string, do func(context.Context) error) error {
	if r.cfg.Span == nil {
		return do(ctx)
	}
	ctx, end := r.cfg.Span(ctx, name)
	err := do(ctx)
	end(err)
	return err
}

// End writes down that a stored job is at its end, or at rest, without running it: for one whose
// coordinator is gone, or that rests. state is stopped, cancelled or failed, and reason says why.
// A coordinator that runs it still learns at its next write that it is not alone. ErrNone says
// that nothing of the job is stored.
func End(ctx context.Context, c Config, state recipe.JobState, reason string) (recipe.Progress, error) {
	c.Plan = nil
	r, err := open(ctx, c)
	if err != nil {
		return recipe.Progress{}, err
	}
	defer r.pub.Close()
	if r.rec.State.Final() {
		r.ended = true
		return r.progress(), nil
	}
	r.rec.Generation++
	return r.conclude(ending{state, reason})
}

// open reads the job's record, or writes that of a new job.
func open(ctx context.Context, c Config) (*run, error) {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	r := &run{reconnects: c.Conn.Reconnects(), cfg: c, conn: c.Conn, log: c.Log.With("job", string(c.Job)), names: bus.Names{Job: c.Job}, began: time.Now(), moved: time.Now(), served: time.Now(),
		news: make(chan func(), 1024), late: lateStreams{made: map[string]bool{}}, sizes: map[int][]int64{}, read: map[int]time.Time{}, here: map[string]bool{}, shown: -1}
	if err := EnsureJobs(ctx, c.Conn, c.Replicas); err != nil {
		return nil, err
	}
	fold, err := r.readFold(ctx) // before the record: who has claimed the job since is seen there
	if err != nil {
		return nil, err
	}
	rec, err := Stored(ctx, c.Conn, c.Job)
	switch {
	case errors.Is(err, ErrNone) && c.Plan != nil:
		rec = &bus.JobRecord{Job: c.Job, Plan: c.Plan, Frames: bus.FrameVersion, Parent: c.Parent, Origin: c.Origin, Priority: c.Priority, Started: time.Now().UTC(), State: recipe.JobPending}
		r.caught = true
	case err != nil:
		return nil, err
	}
	r.rec, r.plan = *rec, rec.Plan
	r.rec.Run = rand.Text()
	sources := 0
	for i := range r.plan.Steps {
		if r.plan.Steps[i].Role == recipe.RoleSource {
			sources++
		}
	}
	r.oneSource = sources == 1
	pub, err := c.Conn.NewPublisher()
	if err != nil {
		return nil, err
	}
	r.pub = pub
	r.acct, r.written = protocol.NewAccountant(r.plan, fold, protocol.Rules{}), fold.Marks
	return r, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// Bounds of the writing of a job's record.
const (
	writeWithin = time.Minute            // an election takes seconds
	writeAgain  = 100 * time.Millisecond // after an answer that came at once, and no server has the stream
)

// write stores the job's record, unless somebody else changed it. A write whose answer was
// lost is known by the run's word, which nobody else writes. While the servers elect a leader it
// is tried again.
func (r *run) write(ctx context.Context, state recipe.JobState) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	r.rec.State = state
	if state.Final() {
		r.rec.Ended = time.Now().UTC()
	}
	data, err := bus.EncodeRecord(&r.rec)
	if err != nil {
		return fmt.Errorf("the plan of job %s does not fit a record: %w", r.names.Job, err)
	}
	for {
		rev := r.rec.Revision
		out := r.pub.PutSync(ctx, bus.Put{Subject: bus.JobSubject(r.names.Job), Data: data, ExpectSubjectSeq: &rev})
		if out.Err == nil {
			r.rec.Revision = out.Seq
			return nil
		}
		away := errors.Is(out.Err, bus.ErrNoStream) || errors.Is(out.Err, bus.ErrDisconnected)
		lost := away || errors.Is(out.Err, bus.ErrTimeout) || errors.Is(out.Err, bus.ErrConflict)
		if !lost || state == recipe.JobPending || ctx.Err() != nil {
			return fmt.Errorf("write the record of job %s: %w", r.names.Job, out.Err)
		}
		if away {
			select {
			case <-time.After(writeAgain):
			case <-ctx.Done():
			}
		}
		stored, err := Stored(ctx, r.conn, r.names.Job)
		switch {
		case errors.Is(err, ErrNone) && rev > 0:
			return fmt.Errorf("the record of job %s was removed: %w", r.names.Job, err)
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("write the record of job %s: %w", r.names.Job, out.Err)
		case err == nil && stored.Run != r.rec.Run && stored.Revision != rev:
			return fmt.Errorf("%w runs job %s", errAnother, r.names.Job)
		case err == nil:
			r.rec.Revision = stored.Revision
		}
	}
}
