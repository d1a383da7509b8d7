package store

import (
	"context"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// Submit writes a job down. One of this id with the same Body is the same submission and is
// returned as it is; another is the fault coordinator.Conflict, and so is the id of a job that
// was deleted, for as long as the mark of that stays: its key must make nothing twice.
func (j *Jobs) Submit(ctx context.Context, s *coordinator.Spec) (job coordinator.Job, again bool, err error) {
	if j.remains(s.Job) {
		return job, false, deleted(s.Job)
	}
	_, err = j.specs.Update(ctx, string(s.Job), s, 0)
	if err == nil {
		job, err = j.Job(s.Job)
		return job, false, err
	}
	if coordinator.FamilyOf(err) != coordinator.Changed {
		return job, false, err
	}
	old, rev, rerr := j.specs.Read(ctx, string(s.Job))
	switch {
	case coordinator.FamilyOf(rerr) == coordinator.Unknown && rev > 0:
		return job, false, deleted(s.Job)
	case rerr != nil:
		return job, false, rerr
	case s.Body == "":
		return job, false, err
	case old.Body != s.Body:
		return job, false, coordinator.Faultf(coordinator.Conflict, "the idempotency key was used for another submission, job %s", s.Job)
	}
	if err := j.c.Seen(ctx, rev); err != nil {
		return job, false, err
	}
	job, err = j.Job(s.Job)
	return job, true, err
}

// Keyed reads the spec of a job whose id was made of an idempotency key: nil where there was none
// of late. The fault is coordinator.Conflict where it was deleted, as [Jobs.Submit] has it.
func (j *Jobs) Keyed(ctx context.Context, id recipe.JobID) (*coordinator.Spec, error) {
	s, rev, err := j.specs.Read(ctx, string(id))
	switch {
	case coordinator.FamilyOf(err) != coordinator.Unknown:
		return s, err
	case rev > 0 || j.remains(id):
		return nil, deleted(id)
	}
	return nil, nil
}

// TakeBack has the leader cancel and delete a job, whatever it is at.
func (j *Jobs) TakeBack(ctx context.Context, id recipe.JobID, by string) error {
	_, err := j.orders.Change(ctx, string(id), func(o *coordinator.Order) error {
		*o = coordinator.Order{Want: coordinator.WantGone, By: by, At: time.Now().UTC()}
		return nil
	})
	return err
}

// deleted is the fault of a key whose job was deleted.
func deleted(id recipe.JobID) error {
	f := coordinator.Faultf(coordinator.Conflict, "the idempotency key was used for job %s, which was deleted", id)
	f.Hint = "take another key"
	return f
}

// remains reports whether records of a job are there still whose spec was removed.
func (j *Jobs) remains(id recipe.JobID) bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	e := j.jobs[id]
	return e != nil && e.spec == nil
}

// write writes an order or a status over the revision that was seen of it, 0 for none. The mark
// of one that was removed is no change by somebody else.
func write[T any](ctx context.Context, t Table[T], id recipe.JobID, v *T, rev uint64) (uint64, error) {
	if rev == 0 {
		return t.Create(ctx, string(id), v)
	}
	return t.Update(ctx, string(id), v, rev)
}

// WriteStatus writes what has become of a job. Only the leader calls it; where another leader
// has written since, or one of a higher term before, the fault is coordinator.Changed: a leader
// that stood still finds out here that it is none any more. One that was removed is Unknown.
func (j *Jobs) WriteStatus(ctx context.Context, id recipe.JobID, s coordinator.Status) error {
	j.mu.RLock()
	var rev, term uint64
	e := j.jobs[id]
	known := e != nil && e.spec != nil
	if known {
		rev = e.statusRev
		if e.status != nil {
			term = e.status.Term
		}
	}
	j.mu.RUnlock()
	switch {
	case !known:
		return coordinator.Faultf(coordinator.Unknown, "no such job: %s", id)
	case term > s.Term:
		return coordinator.Faultf(coordinator.Changed, "the status of job %s is written by a later leader", id)
	}
	_, err := write(ctx, j.status, id, &s, rev)
	return err
}
