package store

import (
	"context"
	"errors"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Submit writes a job down. One of this id with the same Body is the same submission and is
// returned as it is; another is the fault coordinator.Conflict, and so is the id of a job that
// was deleted, for as long as the mark of that stays: its key must make nothing twice. One that was
// taken back is the fault that it was taken back for, until it is gone.
func (j *Jobs) Submit(ctx context.Context, s *coordinator.Spec) (job coordinator.Job, again bool, err error) {
	if err := j.remains(ctx, s.Job); err != nil {
		return job, false, err
	}
	for at := uint64(0); ; {
		_, err = j.specs.Update(ctx, string(s.Job), s, at)
		if err == nil {
			job, err = j.Job(s.Job)
			return job, false, err
		}
		if coordinator.FamilyOf(err) != coordinator.Changed {
			return job, false, err
		}
		old, rev, rerr := j.specs.Read(ctx, string(s.Job))
		if coordinator.FamilyOf(rerr) == coordinator.Unknown && rev > at {
			if ferr := j.free(ctx, s.Job, rev); ferr != nil {
				return job, false, ferr
			}
			at = rev // each time another job of this id has come and gone
			continue
		}
		switch {
		case rerr != nil:
			return job, false, rerr
		case s.Body == "":
			return job, false, err
		case old.Body != s.Body:
			return job, false, coordinator.Faultf(coordinator.Conflict, "the idempotency key was used for another submission, job %s", s.Job)
		}
		return j.same(ctx, s.Job, rev)
	}
}

// same returns the job that was submitted before, unless that was taken back.
func (j *Jobs) same(ctx context.Context, id recipe.JobID, rev uint64) (job coordinator.Job, again bool, err error) {
	o, _, err := j.orders.Read(ctx, string(id))
	switch {
	case err == nil && o.Refused != nil:
		return job, false, o.Refused.Fault()
	case err != nil && coordinator.FamilyOf(err) != coordinator.Unknown:
		return job, false, err
	}
	if err := j.c.Seen(ctx, rev); err != nil {
		return job, false, err
	}
	job, err = j.Job(id)
	return job, true, err
}

// Keyed reads the spec of a job whose id was made of an idempotency key: nil where there was none
// of late. The fault is coordinator.Conflict where it was deleted, as [Jobs.Submit] has it.
func (j *Jobs) Keyed(ctx context.Context, id recipe.JobID) (*coordinator.Spec, error) {
	s, rev, err := j.specs.Read(ctx, string(id))
	if coordinator.FamilyOf(err) != coordinator.Unknown {
		return s, err
	}
	if rev > 0 {
		if err := j.free(ctx, id, rev); err != nil {
			return nil, err
		}
	}
	return nil, j.remains(ctx, id)
}

// TakeBack has the leader cancel and delete a job, whatever it is at: its submission is refused with
// that fault. A job that stands is left as it is.
func (j *Jobs) TakeBack(ctx context.Context, id recipe.JobID, why *coordinator.Fault) (stands bool, err error) {
	_, err = j.orders.Change(ctx, string(id), func(o *coordinator.Order) error {
		if o.Stands {
			return errStands
		}
		*o = coordinator.Order{Want: coordinator.WantGone, By: string(why.Family), At: time.Now().UTC(),
			Refused: &coordinator.Refusal{Family: why.Family, Text: why.Text, Hint: why.Hint}}
		return nil
	})
	if errors.Is(err, errStands) {
		return true, nil
	}
	return false, err
}

// errStands ends a change of the order of a job that stands.
var errStands = errors.New("the job stands")

// Stands reports whether a job stands. Where it was taken back it is the fault for which it was.
func (j *Jobs) Stands(ctx context.Context, id recipe.JobID) (bool, error) {
	o, _, err := j.orders.Read(ctx, string(id))
	switch {
	case coordinator.FamilyOf(err) == coordinator.Unknown:
		return false, nil
	case err != nil:
		return false, err
	case o.Refused != nil:
		return false, o.Refused.Fault()
	}
	return o.Stands, nil
}

// Stand has a job stand, so that nobody takes it back: of this and [Jobs.TakeBack] the first one
// counts. The fault is that for which it was taken back.
func (j *Jobs) Stand(ctx context.Context, id recipe.JobID, by string) error {
	_, err := j.orders.Change(ctx, string(id), func(o *coordinator.Order) error {
		switch {
		case o.Refused != nil:
			return o.Refused.Fault()
		case o.Stands:
			return errStands
		case o.Want == "":
			*o = coordinator.Order{Want: coordinator.WantRun, By: by, At: time.Now().UTC()}
		}
		o.Stands = true
		return nil
	})
	if errors.Is(err, errStands) {
		return nil
	}
	return err
}

// deleted is the fault of a key whose job was deleted.
func deleted(id recipe.JobID) error {
	f := coordinator.Faultf(coordinator.Conflict, "the idempotency key was used for job %s, which was deleted", id)
	f.Hint = "take another key"
	return f
}

// freed says that the key of a job that was taken back may be used again.
type freed struct {
	Mark uint64 `json:"mark"` // the revision at which its spec was removed
}

// setFree lets the key of a job be used again whose spec was removed.
func (j *Jobs) setFree(ctx context.Context, id recipe.JobID) error {
	_, mark, err := j.specs.Read(ctx, string(id))
	if coordinator.FamilyOf(err) != coordinator.Unknown || mark == 0 {
		return err
	}
	data, err := bus.EncodeRecord(&freed{mark})
	if err != nil {
		return err
	}
	_, err = j.freed.put(ctx, ctx, string(id), bus.Put{Data: data, TTL: j.c.marks})
	return err
}

// free is the fault of a key whose job was removed at a revision, nil where it was taken back and
// nothing is left of it.
func (j *Jobs) free(ctx context.Context, id recipe.JobID, mark uint64) error {
	o, _, err := j.orders.Read(ctx, string(id))
	switch {
	case err == nil && o.Refused != nil:
		return o.Refused.Fault()
	case err == nil:
		return deleted(id)
	case coordinator.FamilyOf(err) != coordinator.Unknown:
		return err
	}
	f, _, err := j.freed.Read(ctx, string(id))
	if coordinator.FamilyOf(err) == coordinator.Unknown || err == nil && f.Mark != mark {
		return deleted(id)
	}
	return err
}

// remains is the fault of a key whose job's spec was removed, while other records of it are there.
func (j *Jobs) remains(ctx context.Context, id recipe.JobID) error {
	if j.seenRemains(id) == nil {
		return nil
	}
	if err := j.c.Current(ctx); err != nil { // they may be gone by now
		return err
	}
	return j.seenRemains(id)
}

func (j *Jobs) seenRemains(id recipe.JobID) error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	switch e := j.jobs[id]; {
	case e == nil || e.spec != nil:
		return nil
	case e.order != nil && e.order.Refused != nil:
		return e.order.Refused.Fault()
	}
	return deleted(id)
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
