package job

import (
	"context"
	"errors"
	"time"

	"sluice/recipe"
)

// Control asks a running job for something by closing a channel; a nil one never asks.
type Control struct {
	Stop   <-chan struct{} // rest now, keep what is stored: a later Run goes on with it
	Drain  <-chan struct{} // let the sources end early and the rest run empty; then the job has succeeded
	Cancel <-chan struct{} // end now and discard what is stored
	Fail   <-chan string   // fail now, for the reason that comes
}

// failure is the cause of a context of within where the job is asked to fail.
type failure string

// Error implements error.
func (f failure) Error() string { return string(f) }

var (
	errStop   = errors.New("asked to stop")
	errCancel = errors.New("asked to cancel")
)

// within returns a context that ends with ctx, and as soon as the job is asked to stop or
// to be cancelled, or to fail: no request that is under way may keep it from that.
func (c Control) within(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-c.Cancel:
			end(errCancel)
		case <-c.Stop:
			end(errStop)
		case reason := <-c.Fail:
			end(failure(reason))
		case <-ctx.Done():
		}
	}()
	return ctx, end
}

// asked is the ending that a context of within asks for.
func asked(ctx context.Context) (ending, error) {
	var failed failure
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errCancel):
		return ending{state: recipe.JobCancelled}, nil
	case errors.Is(cause, errStop):
		return ending{state: recipe.JobStopped}, nil
	case errors.As(cause, &failed):
		return ending{recipe.JobFailed, string(failed)}, nil
	default:
		return ending{}, cause
	}
}

// drain tells the workers that the sources are to end. A job that goes on later, after a
// crash or a stop, still drains.
func (r *run) drain(ctx context.Context) error {
	if r.rec.Drain {
		return nil
	}
	r.rec.Drain = true
	return r.write(ctx, recipe.JobDraining)
}

// shower shows the newest snapshot in a goroutine of its own: a terminal that takes none
// must not hold up the job.
type shower struct {
	next chan recipe.Progress
	over chan struct{}
}

// showPatience is how long the end of a job waits for a snapshot that is being shown.
const showPatience = 200 * time.Millisecond

func newShower(show func(recipe.Progress)) *shower {
	s := &shower{next: make(chan recipe.Progress, 1), over: make(chan struct{})}
	go func() {
		defer close(s.over)
		for p := range s.next {
			show(p)
		}
	}()
	return s
}

// show replaces the snapshot that waits. One goroutine calls it.
func (s *shower) show(p recipe.Progress) {
	select {
	case <-s.next:
	default:
	}
	s.next <- p
}

func (s *shower) close() {
	close(s.next)
	select {
	case <-s.over:
	case <-time.After(showPatience):
	}
}
