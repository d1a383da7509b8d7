package library

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// places are those of jobs that are being submitted here, which the store does not show yet.
type places struct {
	mu   sync.Mutex
	held map[recipe.JobID]*holding // guarded by mu
}

type holding struct {
	owner string
	users int // requests that submit this very job, by its key
}

// Admit writes down the job of that id which prepare makes, where its owner may have one more that
// has not ended; otherwise the fault is coordinator.OverLimit. A job that passed the limit since
// another coordinator took one at the same moment is taken back: the later one of the two. So is one
// that reads what was deleted at that moment: it is the fault coordinator.Conflict.
func (l *Library) Admit(ctx context.Context, owner string, id recipe.JobID, prepare func(context.Context) (*coordinator.Spec, error)) (job coordinator.Job, again bool, err error) {
	leave, err := l.enter(owner, id)
	if err != nil {
		return job, false, err
	}
	defer leave()
	spec, err := prepare(ctx)
	if err != nil {
		return job, false, err
	}
	spec.Trace = "" // of a job that is retried
	if l.cfg.Trace != nil {
		spec.Trace = l.cfg.Trace(ctx)
	}
	job, again, err = l.cfg.Jobs.Submit(ctx, spec)
	if err != nil {
		return job, false, err
	}
	if again {
		return l.Stay(ctx, spec)
	}
	var why *coordinator.Fault
	switch err := l.fits(ctx, spec); {
	case errors.As(err, &why):
		if stands, err := l.cfg.Jobs.TakeBack(ctx, id, why); stands || err != nil {
			return job, false, err
		}
		return coordinator.Job{}, false, why
	case err != nil:
		return job, false, err
	}
	return job, again, nil
}

// How long it is waited for that a job is taken back which does not fit, and how old one is of which
// that was decided long ago.
const (
	stayTries = 25
	stayWait  = 20 * time.Millisecond
	stayAfter = time.Hour
)

// Stay answers a request that came before: with the job, which nobody takes back from then on, or with
// the fault for which it was taken back. Who wrote the job may be looking still whether it fits: where
// it does so here it stays, and else it is waited for that one, which may have died.
func (l *Library) Stay(ctx context.Context, spec *coordinator.Spec) (job coordinator.Job, again bool, err error) {
	stands := l.now().Sub(spec.Created) > stayAfter
	for tries := 0; !stands && tries < stayTries; tries++ {
		if stands, err = l.cfg.Jobs.Stands(ctx, spec.Job); err != nil {
			return job, false, err
		}
		if stands || l.fits(ctx, spec) == nil {
			break
		}
		select {
		case <-time.After(stayWait):
		case <-ctx.Done():
			return job, false, ctx.Err()
		}
	}
	if !stands {
		if err := l.cfg.Jobs.Stand(ctx, spec.Job, spec.Owner); err != nil {
			return job, false, err
		}
	}
	job, err = l.cfg.Jobs.Job(spec.Job)
	return job, true, err
}

// fits looks again, behind a job's writing, at what others may have done at the same moment: who
// was first is seen now.
func (l *Library) fits(ctx context.Context, spec *coordinator.Spec) error {
	if l.cfg.PerUser > 0 && l.cfg.Jobs.Unfinished(spec.Owner) > l.cfg.PerUser {
		if n := l.cfg.Jobs.Earlier(spec.Job); n >= l.cfg.PerUser {
			return l.over(spec.Owner, n)
		}
	}
	return l.provided(ctx, spec.Plan)
}

// enter holds a place for a job until leave is called.
func (l *Library) enter(owner string, id recipe.JobID) (leave func(), err error) {
	if l.cfg.PerUser == 0 {
		return func() {}, nil
	}
	p := &l.places
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.held[id]
	if own == nil {
		n := 0
		for other, h := range p.held {
			if _, err := l.cfg.Jobs.Job(other); err != nil && h.owner == owner {
				n++
			}
		}
		// Counted behind those: a job that appears meanwhile counts twice rather than not at all.
		if n += l.cfg.Jobs.Unfinished(owner); n >= l.cfg.PerUser {
			return nil, l.over(owner, n)
		}
		own = &holding{owner: owner}
		p.held[id] = own
	}
	own.users++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(p.held, id)
		}
	}, nil
}

func (l *Library) over(owner string, n int) error {
	return coordinator.Faultf(coordinator.OverLimit, "%s has %d jobs that have not ended, and a user may have %d", owner, n, l.cfg.PerUser)
}
