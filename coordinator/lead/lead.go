package lead

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Defaults of [Config].
const (
	// DefaultLease is above the time that a cluster of servers takes to elect a new leader.
	DefaultLease      = 12 * time.Second
	DefaultMaxRunning = 1000
	DefaultHistory    = 7 * 24 * time.Hour
)

// Config says how to lead. Control must be set.
type Config struct {
	Name string // of this coordinator
	// Control is the project's control plane, where the lease of its leader is kept: each project
	// has one of its own, so that it is no matter which others a coordinator serves.
	Control *store.Control
	Lease   time.Duration // a leader that died is followed after so long; 0 is DefaultLease
	// MaxRunning is how many jobs of a project run at once; more wait for their turn, the more
	// urgent ones first. Those that workers are missing for don't count. 0 is DefaultMaxRunning.
	MaxRunning int
	History    time.Duration // how long a job is kept behind its end; 0 is DefaultHistory
	// Span begins a span of a trace and returns what ends it; labels are names and values in turn.
	// parent is a W3C traceparent, "" for that of ctx. Nil traces nothing.
	Span func(ctx context.Context, parent, name string, labels ...string) (context.Context, func(error))
	Log  hclog.Logger
}

// Project is what the leader needs of it. All but Missing, Files and Forget must be set.
type Project struct {
	Name   string
	Conn   *bus.Conn
	Jobs   *store.Jobs
	Events Events
	// Missing says why the steps of a plan are not all served now, "" when they are.
	Missing func(*recipe.Plan) string
	Files   Files // where its jobs' sinks write; nil where they write into folders alone
	// Forget removes what else is kept of a job that is being deleted, such as its events. It may
	// be called again.
	Forget func(context.Context, recipe.JobID) error
	// AckWait, Lease and Stall are those of job.Config.
	AckWait, Lease, Stall time.Duration
	Replicas              int // of the streams of jobs
}

// Events takes what happens; it does not block.
type Events interface{ Emit(coordinator.Event) }

// Files keeps what sinks have made. What its methods do may be done again.
type Files interface {
	// Keep makes artifacts of what a job's sinks have made, before it is written that it has
	// succeeded; a reason fails it.
	Keep(ctx context.Context, job recipe.JobID, owner string) (reason string, err error)
	// Settle removes what a job that has ended leaves beside them.
	Settle(ctx context.Context, job recipe.JobID, succeeded bool) error
	// Remove deletes what there is of a job that is being deleted.
	Remove(ctx context.Context, job recipe.JobID) error
}

// Leader leads one project when it is its turn.
type Leader struct {
	log   hclog.Logger
	lease *lease
	desk  *desk

	mu    sync.Mutex
	leads bool // guarded by mu
}

// New returns a leader of a project. It is called before its control plane follows, since it looks
// at its jobs.
func New(c Config, p Project) *Leader {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.Span == nil {
		c.Span = func(ctx context.Context, _, _ string, _ ...string) (context.Context, func(error)) {
			return ctx, func(error) {}
		}
	}
	if c.Lease == 0 {
		c.Lease = DefaultLease
	}
	if c.MaxRunning == 0 {
		c.MaxRunning = DefaultMaxRunning
	}
	if c.History == 0 {
		c.History = DefaultHistory
	}
	l := &Leader{log: c.Log.With("project", p.Name), lease: newLease(store.NewTable[Lease](c.Control, "lease"), c.Name, c.Lease), desk: newDesk(c, p)}
	p.Jobs.Changed(l.desk.nudge)
	return l
}

// Leads reports whether this coordinator leads now.
func (l *Leader) Leads() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leads
}

// Nudge makes the leader look at all jobs: workers came or left.
func (l *Leader) Nudge() { l.desk.nudgeAll() }

// releaseWithin bounds how long a leader that ends tries to give up its lease.
const releaseWithin = 2 * time.Second

// Run waits for its turn and leads until ctx ends. Jobs that run then go on with the next
// leader.
func (l *Leader) Run(ctx context.Context) error {
	for l.lease.acquire(ctx) {
		l.log.Info("leads")
		l.set(true)
		l.lead(ctx)
		l.set(false)
		if ctx.Err() == nil {
			l.log.Warn("does not lead any more")
		}
	}
	return nil
}

func (l *Leader) set(leads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leads = leads
}

func (l *Leader) lead(ctx context.Context) {
	term, end := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.desk.run(term, l.lease.term)
	}()
	l.lease.hold(ctx)
	end()
	<-over
	if ctx.Err() != nil {
		give, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
		defer cancel()
		l.lease.release(give)
	}
}

// turn says why a job waits that might run.
func turn(running int) string {
	return fmt.Sprintf("waits for its turn: %d jobs run", running)
}
