package lead

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/coordinator/job"
	"sluice/recipe"
)

const (
	tellEvery   = time.Second      // between two events of progress
	againAfter  = 2 * time.Second  // after a fault of the leader's own, up to againAtMost
	againAtMost = 30 * time.Second // and while a job has no room to go on
	waitEvery   = 5 * time.Second  // how often what a job waits for is looked at unasked
)

// runner does what is due of one job, and then tells its desk.
type runner struct {
	d      *desk
	id     recipe.JobID
	log    hclog.Logger
	placed bool // among those that run at once; guarded by d.mu

	trouble                     trouble
	stop, drain, cancel, nudged chan struct{}
	fail                        chan string
	once                        struct{ stop, drain, cancel, fail sync.Once }

	writing sync.Mutex // held while a status is written

	mu     sync.Mutex
	job    coordinator.Job    // as it was seen last; guarded by mu
	status coordinator.Status // as it was written last; guarded by mu
}

func newRunner(d *desk, j coordinator.Job) *runner {
	r := &runner{d: d, id: j.ID, log: d.log.With("job", string(j.ID)), job: j, status: j.Status,
		stop: make(chan struct{}), drain: make(chan struct{}), cancel: make(chan struct{}), fail: make(chan string, 1), nudged: make(chan struct{}, 1)}
	r.trouble.r = r
	return r
}

// run does one thing, again after a fault, until it is done or the term ends.
func (r *runner) run(ctx context.Context, do func(context.Context) error) {
	defer r.alarm()()
	for wait := againAfter; ; wait = min(2*wait, againAtMost) {
		err := do(ctx)
		if err == nil || ctx.Err() != nil {
			break
		}
		r.log.Warn("a job is tried again", "err", err, "after", wait)
		r.trouble.fault(err)
		r.say(ctx, func(s *coordinator.Status) { s.Waiting = "the coordinator tries again: " + err.Error() })
		if !pause(ctx, wait) {
			break
		}
	}
	r.d.over <- r
}

// wanted takes the latest word on the job. It is called by the desk alone.
func (r *runner) wanted(j coordinator.Job) {
	r.mu.Lock()
	r.job = j
	r.mu.Unlock()
	select {
	case r.nudged <- struct{}{}:
	default:
	}
	if overdue(&j) {
		r.once.fail.Do(func() { r.fail <- late(j.Deadline) })
	}
	switch j.Want {
	case coordinator.WantPause, coordinator.WantStop:
		r.once.stop.Do(func() { close(r.stop) })
	case coordinator.WantDrain:
		r.once.drain.Do(func() { close(r.drain) })
	case coordinator.WantCancel, coordinator.WantGone:
		r.once.cancel.Do(func() { close(r.cancel) })
	}
}

func (r *runner) now() coordinator.Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.job
}

// config is what job.Run and job.End are given.
func (r *runner) config() job.Config {
	p := &r.d.p
	return job.Config{Conn: p.Conn, Job: r.id, AckWait: p.AckWait, Lease: p.Lease, Stall: p.Stall, Log: r.log, Replicas: p.Replicas}
}

// work runs the job until it rests or is at its end.
func (r *runner) work(ctx context.Context) error {
	j := r.now()
	r.wanted(j) // it may be that it is to drain
	if overdue(&j) {
		return r.expire(ctx)
	}
	spec, err := r.d.p.Jobs.Spec(ctx, r.id)
	if err != nil {
		return err
	}
	if over, err := r.recall(ctx); over || err != nil {
		return err
	}
	if ready, err := r.served(ctx, spec.Plan); !ready {
		return err
	}
	err = r.write(ctx, func(s *coordinator.Status) {
		s.State, s.Waiting, s.Reason = recipe.JobRunning, "", ""
		if s.Started.IsZero() {
			s.Started = time.Now().UTC()
		}
	})
	if err != nil {
		return err
	}
	c := r.config()
	c.Plan, c.Parent, c.Priority = spec.Plan, spec.Parent, spec.Priority
	c.Show = r.show(ctx)
	c.Idle = func() bool { return r.idle(ctx, spec.Plan) }
	if f := r.d.p.Files; f != nil {
		c.Finish = func(ctx context.Context) (string, error) { return f.Keep(ctx, r.id, spec.Owner) }
	}
	p, err := r.traced(ctx, spec.Trace, c)
	rests := err == nil && p.State == recipe.JobStopped || errors.Is(err, job.ErrUnwritten)
	switch {
	case rests && r.now().Want.Runs() && r.stopping(): // and is to go on again: that begins anew
		return nil
	case rests && r.now().Want.Runs():
		if err != nil {
			r.log.Warn(err.Error())
		}
		return r.starve(ctx, p)
	case err != nil: // a stop is tried again
		return err
	}
	return r.ended(ctx, p)
}

// stopping reports whether the job was told to rest.
func (r *runner) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// starve says that a run of the job has ended for want of room, and holds the next one back: until
// something else is due, the order is given again, or againAtMost has passed. Such a job is not
// called stopped: nobody has to let it go on, and its record may have it running.
func (r *runner) starve(ctx context.Context, p recipe.Progress) error {
	r.trouble.look(ctx, &p, true)
	ordered, again := r.now().Ordered, time.After(againAtMost)
	p.State = recipe.JobPending
	err := r.write(ctx, func(s *coordinator.Status) {
		s.State, s.Reason, s.Waiting, s.Progress = p.State, "", "there is no room: "+p.Reason, &p
	})
	if err != nil {
		return err
	}
	r.d.leave(r)
	for {
		select {
		case <-r.nudged: // by its own writing, too
			if j := r.now(); due(&j, false) != dueRun || !j.Ordered.Equal(ordered) {
				return nil
			}
		case <-again:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// recall writes down the end of a job that had ended before: whoever led then died between its
// record and its status. Nothing is waited for that the job does not need any more.
func (r *runner) recall(ctx context.Context) (over bool, err error) {
	rec, err := job.Stored(ctx, r.d.p.Conn, r.id)
	if errors.Is(err, job.ErrNone) {
		return false, nil
	}
	if err != nil || !rec.State.Final() {
		return false, err
	}
	p, err := job.End(ctx, r.config(), rec.State, rec.Reason)
	if err != nil {
		return false, err
	}
	return true, r.ended(ctx, p)
}

// traced runs the job as a part of the trace that its submission began.
func (r *runner) traced(ctx context.Context, trace string, c job.Config) (recipe.Progress, error) {
	ctx, end := r.d.cfg.Span(ctx, trace, "job run", "job", string(r.id), "project", r.d.p.Name)
	c.Span = func(ctx context.Context, name string) (context.Context, func(error)) {
		return r.d.cfg.Span(ctx, "", name, "job", string(r.id))
	}
	p, err := job.Run(ctx, c, job.Control{Stop: r.stop, Drain: r.drain, Cancel: r.cancel, Fail: r.fail})
	if err == nil && p.State == recipe.JobFailed {
		end(errFailed)
		return p, nil
	}
	end(err)
	return p, err
}

// errFailed is what a trace is told of a job that failed: the reason may quote a record.
var errFailed = errors.New("the job has failed")

// ended writes down how a run of the job has ended.
func (r *runner) ended(ctx context.Context, p recipe.Progress) error {
	r.trouble.look(ctx, &p, true)
	if p.State == recipe.JobStopped && r.now().Want == coordinator.WantPause {
		p.State = recipe.JobPaused
	}
	if f := r.d.p.Files; f != nil && p.State.Final() {
		if err := f.Settle(ctx, r.id, p.State == recipe.JobSucceeded); err != nil {
			return err
		}
	}
	return r.write(ctx, func(s *coordinator.Status) {
		s.State, s.Reason, s.Waiting, s.Progress = p.State, p.Reason, "", &p
		if p.State.Final() {
			s.Ended = time.Now().UTC()
		}
	})
}

// sayWithin bounds the writing of why a job that runs stands still: the job's loop waits for it.
const sayWithin = 2 * time.Second

// idle reports whether workers are missing for a job that runs, and says so. While they are, it has
// no place.
func (r *runner) idle(ctx context.Context, plan *recipe.Plan) bool {
	why := ""
	if missing := r.d.p.Missing; missing != nil {
		why = missing(plan)
	}
	ctx, cancel := context.WithTimeout(ctx, sayWithin)
	defer cancel()
	r.wait(ctx, why)
	if why == "" {
		r.d.back(r)
		return false
	}
	r.d.leave(r)
	return true
}

// served waits until workers serve all steps, and says meanwhile what the job waits for, without
// a place. It returns false when something else became due, or all places are taken.
func (r *runner) served(ctx context.Context, plan *recipe.Plan) (bool, error) {
	for r.d.p.Missing != nil {
		why := r.d.p.Missing(plan)
		if why == "" {
			break
		}
		r.d.leave(r)
		r.wait(ctx, why)
		select {
		case <-r.nudged:
		case <-time.After(waitEvery):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if j := r.now(); due(&j, false) != dueRun {
			return false, nil
		}
	}
	n, entered := r.d.enter(r)
	if !entered {
		r.wait(ctx, turn(n))
	}
	return entered, nil
}

// rest brings a job to rest that no coordinator runs.
func (r *runner) rest(ctx context.Context) error { return r.over(ctx, recipe.JobStopped, "") }

// end cancels a job that no coordinator runs.
func (r *runner) end(ctx context.Context) error { return r.over(ctx, recipe.JobCancelled, "") }

// over writes down the end, or the rest, of a job that no coordinator runs.
func (r *runner) over(ctx context.Context, state recipe.JobState, reason string) error {
	p, err := job.End(ctx, r.config(), state, reason)
	switch {
	case errors.Is(err, job.ErrNone):
		p = recipe.Progress{Job: r.id, State: state, Reason: reason}
	case err != nil:
		return err
	}
	return r.ended(ctx, p)
}

// remove deletes all that is stored of a job that has ended. That it is to be gone is written
// before, also of one whose time is over: whoever goes on with it must not take it for one that
// is to run, nor may it be retried in the middle.
func (r *runner) remove(ctx context.Context) error {
	if r.now().Want != coordinator.WantGone {
		j, err := r.d.p.Jobs.Order(ctx, r.id, coordinator.Order{Want: coordinator.WantGone, By: "history", At: time.Now().UTC()}, 0)
		if err != nil {
			return err
		}
		r.wanted(j)
	}
	if f := r.d.p.Files; f != nil {
		if err := f.Remove(ctx, r.id); err != nil {
			return err
		}
	}
	if err := job.Remove(ctx, r.d.p.Conn, r.id); err != nil {
		return err
	}
	if forget := r.d.p.Forget; forget != nil {
		if err := forget(ctx, r.id); err != nil {
			return err
		}
	}
	return r.d.p.Jobs.Forget(ctx, r.id)
}

// wait says why the job does not run, when that is news. One that rested doesn't any more.
func (r *runner) wait(ctx context.Context, why string) {
	r.say(ctx, func(s *coordinator.Status) {
		if s.Waiting = why; s.State.AtRest() && !s.State.Final() {
			s.State, s.Reason = recipe.JobPending, ""
		}
	})
}

// say writes what is good to know, once: nothing depends on it.
func (r *runner) say(ctx context.Context, f func(*coordinator.Status)) {
	if err := r.write(ctx, f); err != nil {
		r.log.Debug("a status was not written", "err", err)
	}
}

// write changes the job's status, when f does, and tells of it.
func (r *runner) write(ctx context.Context, f func(*coordinator.Status)) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.mu.Lock()
	next := r.status
	r.mu.Unlock()
	before := next
	f(&next)
	next.Term = r.d.term
	if next.State == before.State && next.Waiting == before.Waiting && next.Reason == before.Reason && next.Progress == before.Progress {
		return nil
	}
	if err := r.d.p.Jobs.WriteStatus(ctx, r.id, next); err != nil {
		return err
	}
	r.mu.Lock()
	r.status = next
	r.mu.Unlock()
	if next.State != before.State || next.Waiting != before.Waiting {
		r.d.tell(r.id, &next, time.Now())
	}
	return nil
}

// show tells of progress, at most once in tellEvery, and of the last. That the job drains is written
// down.
func (r *runner) show(ctx context.Context) func(recipe.Progress) {
	var last time.Time
	return func(p recipe.Progress) {
		if p.State == recipe.JobDraining {
			r.drains(ctx)
		}
		if now := time.Now(); now.Sub(last) >= tellEvery && ctx.Err() == nil {
			last = now
			r.trouble.look(ctx, &p, false)
			r.d.p.Events.Emit(coordinator.Event{Job: r.id, Type: coordinator.EventProgress, Level: coordinator.LevelInfo, At: now.UTC(), Data: p})
		}
	}
}

func (r *runner) drains(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sayWithin)
	defer cancel()
	r.say(ctx, func(s *coordinator.Status) {
		if s.State == recipe.JobRunning {
			s.State = recipe.JobDraining
		}
	})
}
