package main

import (
	"context"
	"errors"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/recipe"
)

// lateFor is how long lines of printers are waited for that come behind the word of their job's
// end or rest: workers gather what is printed for a tenth of a second.
const lateFor = 400 * time.Millisecond

// late passes on what printers of a job that is over, or at rest, printed last: events behind one
// that was seen, if the job has printers. That none came is no error, nor that nobody answers.
func (r *remote) late(ctx context.Context, j *coordinator.Job, since uint64, f func(client.Event) error) error {
	if !prints(j) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lateFor)
	defer cancel()
	var failed error
	_ = r.Events(ctx, j.ID, since, true, func(e client.Event) error {
		if e.Type == coordinator.EventPrint {
			failed = f(e)
		}
		return errors.Join(failed, ctx.Err())
	})
	return failed
}

// prints reports whether a job has printers.
func prints(j *coordinator.Job) bool {
	if j.Progress == nil {
		return false
	}
	for _, s := range j.Progress.Steps {
		if s.Kind == recipe.KindPrinter {
			return true
		}
	}
	return false
}
