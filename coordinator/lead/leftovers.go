package lead

import (
	"context"

	"sluice/coordinator"
	"sluice/coordinator/job"
	"sluice/recipe"
)

// leftovers removes what came back of jobs that are deleted, and returns when it is done: once in a
// term, since only a server that starts brings it back.
func (d *desk) leftovers(ctx context.Context) {
	removed, err := job.Leftovers(ctx, d.p.Conn, func(id recipe.JobID) (bool, error) { return d.deleted(ctx, id) })
	if len(removed) > 0 {
		d.log.Debug("records of deleted jobs had come back, and were removed", "jobs", len(removed))
	}
	if err != nil && ctx.Err() == nil {
		d.log.Debug("records of deleted jobs may be left", "err", err)
	}
}

// deleted reports whether a job is not there: neither in what was seen of the control plane nor in
// the store itself.
func (d *desk) deleted(ctx context.Context, id recipe.JobID) (bool, error) {
	if _, err := d.p.Jobs.Job(id); err == nil {
		return false, nil
	}
	_, err := d.p.Jobs.Spec(ctx, id)
	if coordinator.FamilyOf(err) == coordinator.Unknown {
		return true, nil
	}
	return false, err
}
