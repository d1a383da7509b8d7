package lead

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/recipe"
)

// lookEvery is how often all jobs are looked at, changed or not.
const lookEvery = time.Second * 5

// desk is one project's part of the leader. run owns all but what is said to be guarded.
type desk struct {
	cfg  Config
	p    Project
	log  hclog.Logger
	runs map[recipe.JobID]*runner
	// known are jobs without a place whose records were looked at in this term: they had begun, and
	// the leader before may have seen their end, and died.
	known map[recipe.JobID]bool
	over  chan *runner
	term  uint64 // of the leadership

	mu    sync.Mutex
	dirty map[recipe.JobID]bool // guarded by mu
	all   bool                  // guarded by mu
	taken int                   // places; guarded by mu
	wake  chan struct{}
}

func newDesk(c Config, p Project) *desk {
	return &desk{cfg: c, p: p, log: c.Log.With("project", p.Name), runs: map[recipe.JobID]*runner{}, known: map[recipe.JobID]bool{}, over: make(chan *runner),
		dirty: map[recipe.JobID]bool{}, wake: make(chan struct{}, 1)}
}

// nudge says that a job was changed. It never blocks.
func (d *desk) nudge(id recipe.JobID) {
	d.mu.Lock()
	d.dirty[id] = true
	d.mu.Unlock()
	d.poke()
}

func (d *desk) nudgeAll() {
	d.mu.Lock()
	d.all = true
	d.mu.Unlock()
	d.poke()
}

func (d *desk) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// take returns the jobs to look at: the more urgent ones first, and of those the older.
func (d *desk) take() []coordinator.Job {
	d.mu.Lock()
	dirty, all := d.dirty, d.all
	d.dirty, d.all = map[recipe.JobID]bool{}, false
	d.mu.Unlock()
	var jobs []coordinator.Job
	for id := range dirty {
		if j, err := d.p.Jobs.Job(id); err == nil {
			jobs = append(jobs, j)
		}
	}
	if all {
		d.p.Jobs.All(func(j coordinator.Job) bool {
			if !dirty[j.ID] && (!j.State.Final() || j.Want == coordinator.WantGone || d.stale(&j)) {
				jobs = append(jobs, j)
			}
			return true
		})
	}
	slices.SortFunc(jobs, func(a, b coordinator.Job) int {
		return cmp.Or(b.Priority-a.Priority, a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return jobs
}

// stale reports whether a job's time in the history is over.
func (d *desk) stale(j *coordinator.Job) bool {
	return j.State.Final() && !j.Ended.IsZero() && time.Since(j.Ended) > d.cfg.History
}

// run looks at jobs until ctx ends, and then waits for what it has started.
func (d *desk) run(ctx context.Context, term uint64) {
	d.term = term
	clear(d.known)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	d.nudgeAll()
	first := d.take()
	d.retell() // behind take: what is written meanwhile is looked at below
	for _, j := range first {
		d.look(ctx, j)
	}
	d.clear(ctx)
	cleared := make(chan struct{})
	go func() { defer close(cleared); d.leftovers(ctx) }()
	defer func() { <-cleared }()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			d.nudgeAll()
			d.clear(ctx)
		case r := <-d.over:
			d.ended(r)
		case <-d.wake:
			for _, j := range d.take() {
				if d.untold(&j) {
					d.tell(j.ID, &j.Status, j.Ended)
				}
				d.look(ctx, j)
			}
		}
	}
	for len(d.runs) > 0 {
		r := <-d.over
		delete(d.runs, r.id)
		d.leave(r)
	}
}

// ended takes a runner that has done. Its job is looked at again, and so are those that wait
// for its place.
func (d *desk) ended(r *runner) {
	delete(d.runs, r.id)
	d.leave(r)
	d.nudge(r.id)
}

// look does what is due of a job. What takes longer is done by a runner of its own.
func (d *desk) look(ctx context.Context, j coordinator.Job) {
	if r := d.runs[j.ID]; r != nil {
		r.wanted(j)
		return
	}
	var do func(context.Context) error
	r := newRunner(d, j)
	switch due(&j, d.stale(&j)) {
	case dueNothing:
		delete(d.known, j.ID)
		return
	case dueRun:
		n, entered := d.enter(r)
		switch {
		case entered:
			do = r.work
		case !j.Started.IsZero() && !d.known[j.ID]:
			d.known[j.ID] = true
			do = func(ctx context.Context) error { _, err := r.recall(ctx); return err }
		default:
			r.wait(ctx, turn(n))
			return
		}
	case dueRest:
		do = r.rest
	case dueCancel:
		do = r.end
	case dueExpire:
		do = r.expire
	case dueRemove:
		if _, replayed := d.p.Jobs.Replay(j.ID); replayed {
			return // its end is waited for: it reads what is stored of this job
		}
		do = r.remove
	}
	d.runs[j.ID] = r
	go r.run(ctx, do)
}

// clear removes what leaders that died have left of jobs which they were removing.
func (d *desk) clear(ctx context.Context) {
	for _, id := range d.p.Jobs.Remains() {
		if d.runs[id] == nil {
			r := newRunner(d, coordinator.Job{ID: id, Want: coordinator.WantGone})
			d.runs[id] = r
			go r.run(ctx, r.remove)
		}
	}
}

// action is what the leader has to do of a job that it is not at.
type action int

const (
	dueNothing action = iota
	dueRun
	dueRest
	dueCancel
	dueExpire
	dueRemove
)

// due decides what brings a job nearer to what is wanted of it.
func due(j *coordinator.Job, stale bool) action {
	final := j.State.Final()
	switch {
	case final && (stale || j.Want == coordinator.WantGone):
		return dueRemove
	case final:
		return dueNothing
	case j.Want == coordinator.WantCancel, j.Want == coordinator.WantGone:
		return dueCancel
	case overdue(j):
		return dueExpire
	case j.Want == coordinator.WantPause && j.State == recipe.JobPaused,
		j.Want == coordinator.WantStop && j.State == recipe.JobStopped:
		return dueNothing
	case j.Want == coordinator.WantPause, j.Want == coordinator.WantStop:
		return dueRest
	}
	return dueRun
}
