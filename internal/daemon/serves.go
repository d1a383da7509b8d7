package daemon

import (
	"context"
	"slices"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// serves returns which workers a job's events tell of: those that serve a step of it, and come or leave
// from its submission to its end. A job that is not there has none.
func (r *rooms) serves(ctx context.Context, id recipe.JobID) (func(w *coordinator.Worker, at time.Time) bool, error) {
	job, err := r.Jobs.Job(id)
	if err != nil {
		return nil, nil
	}
	spec, err := r.Jobs.Spec(ctx, id)
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		return nil, nil // it was deleted meanwhile
	}
	if err != nil {
		return nil, err
	}
	steps := spec.Plan.Steps
	return func(w *coordinator.Worker, at time.Time) bool {
		return !at.Before(job.Created) && (job.Ended.IsZero() || !at.After(job.Ended)) &&
			slices.ContainsFunc(steps, func(s recipe.Step) bool { return w.InPool(s.Pool) && w.Has(&s) })
	}, nil
}
