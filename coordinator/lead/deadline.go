package lead

import (
	"context"
	"fmt"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// A job fails that is not over by its deadline, also one that was never run or that rests. Where a
// runner is at it, an alarm wakes that in time; all others are looked at every lookEvery.

// overdue reports whether a job's deadline is over.
func overdue(j *coordinator.Job) bool {
	return !j.Deadline.IsZero() && !time.Now().Before(j.Deadline)
}

// late is the reason for which a job fails that is overdue.
func late(deadline time.Time) string {
	return fmt.Sprintf("it was not over by its deadline, %s", deadline.UTC().Format(time.RFC3339))
}

// alarm has the desk look at the runner's job at its deadline, unless it is stopped before.
func (r *runner) alarm() (stop func()) {
	j := r.now()
	if j.Deadline.IsZero() || overdue(&j) {
		return func() {}
	}
	timer := time.AfterFunc(time.Until(j.Deadline), func() { r.d.nudge(r.id) })
	return func() { timer.Stop() }
}

// expire fails a job that no coordinator runs.
func (r *runner) expire(ctx context.Context) error {
	j := r.now()
	return r.over(ctx, recipe.JobFailed, late(j.Deadline))
}
