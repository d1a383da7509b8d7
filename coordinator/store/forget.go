package store

import (
	"context"

	"sluice/recipe"
)

// Forget removes the records of a job that is wanted gone. Everything else that is stored of it
// must be gone before. The spec goes first, since a job without a status is one that is to run;
// what is left of it when Forget breaks off is found by [Jobs.Remains], to be forgotten then.
func (j *Jobs) Forget(ctx context.Context, id recipe.JobID) error {
	j.mu.RLock()
	e := j.jobs[id]
	var seen joined
	if e != nil {
		seen = *e
	}
	j.mu.RUnlock()
	if seen.spec != nil {
		if err := forgotten(ctx, j, j.specs, id, seen.specRev); err != nil {
			return err
		}
	}
	if seen.status != nil {
		if err := forgotten(ctx, j, j.status, id, seen.statusRev); err != nil {
			return err
		}
	}
	if seen.order == nil {
		return nil
	}
	if seen.order.Refused != nil { // before the last record goes, so that it is done
		if err := j.setFree(ctx, id); err != nil {
			return err
		}
	}
	return forgotten(ctx, j, j.orders, id, seen.orderRev)
}

func forgotten[T any](ctx context.Context, j *Jobs, t Table[T], id recipe.JobID, rev uint64) error {
	if err := t.Remove(ctx, string(id), rev); err != nil || j.Removed == nil {
		return err
	}
	return j.Removed(t.name)
}

// Remains returns the jobs of which only an order or a status is left: a leader died while it
// forgot them.
func (j *Jobs) Remains() (ids []recipe.JobID) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if len(j.jobs) == len(j.order) { // all have a spec
		return nil
	}
	for id, e := range j.jobs {
		if e.spec == nil {
			ids = append(ids, id)
		}
	}
	return ids
}
