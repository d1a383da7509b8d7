package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// Waits before a loop starts again.
const (
	troubleWait = 250 * time.Millisecond // while the broker does not answer
	restartMin  = 10 * time.Millisecond  // after a lost reign, doubling while it happens again soon
	restartMax  = time.Second
	goneMax     = 2 * time.Second // while what a loop reads is missing, doubling from troubleWait
)

var (
	// errRestart ends a loop that must begin again from what is stored.
	errRestart = errors.New("another worker took over")
	// errGone ends a job here: its streams do not exist any more.
	errGone = errors.New("the job is gone")
	// errLater ends a loop that has seen a later start of its job.
	errLater = errors.New("the job was started again")
)

// gone reports that what was asked for, or its stream, does not exist.
func gone(err error) bool { return errors.Is(err, bus.ErrGone) || errors.Is(err, bus.ErrNoStream) }

// supervise runs a step's loop and starts it again when it was killed by a failpoint or
// lost its reign, and while the broker is in trouble. What a loop reads may be gone for as long as
// the job's streams are there: the coordinator makes consumers anew that a server has forgotten.
func (r *jobRun) supervise(ctx context.Context, step *recipe.Step, loop func(context.Context) error) error {
	wait, missing := restartMin, troubleWait
	for {
		began := time.Now()
		err := loop(ctx)
		if time.Since(began) > goneMax {
			wait, missing = restartMin, troubleWait
		}
		pauseFor := time.Duration(0)
		switch {
		case ctx.Err() != nil, err == nil, errors.Is(err, bus.ErrClosed), errors.Is(err, errLater):
			return nil
		case errors.As(err, new(killed)):
		case errors.Is(err, errRestart):
			pauseFor, wait = wait, min(2*wait, restartMax)
		case gone(err):
			if r.isGone(ctx) {
				return errGone
			}
			pauseFor, missing = missing, min(2*missing, goneMax)
		case errors.Is(err, bus.ErrTimeout): // the server is in trouble, which passes
			pauseFor = troubleWait
		case errors.As(err, new(*failure)):
			return err // which names the node
		default:
			return fmt.Errorf("node %s: %w", step.Node, err)
		}
		r.log.Debug("loop starts again", "step", step.Node, "after", pauseFor, "err", err)
		if !pause(ctx, pauseFor) {
			return nil
		}
	}
}

// isGone reports whether a stream is missing that the job has until its end. While the
// broker does not answer it is not known, and the job is not gone.
func (r *jobRun) isGone(ctx context.Context) bool {
	name, err := r.conn.MissingStream(ctx, r.names, r.plan)
	if err != nil || name == "" {
		return false
	}
	r.log.Debug("the job is gone", "stream", name) // as when it is deleted
	return true
}
