package store

import (
	"context"

	"sluice/coordinator"
	"sluice/recipe"
)

// changeTries is how often a job is looked at again that others change at the same moment.
const changeTries = 10

// Show reads a job with the progress that was written down last. All of it is of the revision that
// it has.
func (j *Jobs) Show(ctx context.Context, id recipe.JobID) (coordinator.Job, error) {
	for range changeTries {
		s, rev, err := j.status.Read(ctx, string(id))
		switch {
		case coordinator.FamilyOf(err) == coordinator.Unknown:
			s = nil
		case err != nil:
			return coordinator.Job{}, err
		}
		if err := j.c.Seen(ctx, rev); err != nil {
			return coordinator.Job{}, err
		}
		job, e, err := j.seen(id)
		if err != nil {
			return job, err
		}
		if e.statusRev == rev || s == nil && e.status == nil {
			if s != nil {
				job.Progress = s.Progress
			}
			return job, nil
		}
	}
	return coordinator.Job{}, coordinator.Faultf(coordinator.Unavailable, "job %s changes too fast to be shown", id)
}

// seen returns a job and what is kept of it, at one moment.
func (j *Jobs) seen(id recipe.JobID) (coordinator.Job, joined, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	e := j.jobs[id]
	if e == nil || e.spec == nil {
		return coordinator.Job{}, joined{}, coordinator.Faultf(coordinator.Unknown, "no such job: %s", id)
	}
	return e.job(), *e, nil
}

// Order says what is wanted of a job, when it may be, and returns the job then. rev is the
// job's revision that the caller has seen, 0 for any: where anything of the job was changed
// since, its status too, the fault is coordinator.Changed and nothing is written.
func (j *Jobs) Order(ctx context.Context, id recipe.JobID, o coordinator.Order, rev uint64) (coordinator.Job, error) {
	for tries := 1; ; tries++ {
		job, e, err := j.seen(id)
		if err != nil {
			return job, err
		}
		if rev > 0 && rev != job.Revision {
			return job, coordinator.Faultf(coordinator.Changed, "job %s was changed meanwhile: its revision is %d", id, job.Revision)
		}
		if job.Want == o.Want && (o.Want != coordinator.WantRun || !job.State.Final() && !waits(&job)) {
			return job, nil // one that waits is to be tried at once
		}
		if err := j.may(&job, o.Want); err != nil {
			return job, err
		}
		o.Stands = e.order != nil && e.order.Stands
		if rev > 0 {
			_, err = j.orders.updateAmong(ctx, string(id), &o, rev)
		} else {
			_, err = write(ctx, j.orders, id, &o, e.orderRev)
		}
		if err == nil {
			return j.Job(id)
		}
		if rev > 0 || tries == changeTries || coordinator.FamilyOf(err) != coordinator.Changed {
			return job, err
		}
		if err := j.c.Current(ctx); err != nil { // another order was faster: this one is behind it
			return job, err
		}
	}
}

// waits reports whether a job that is to run waits without a run.
func waits(job *coordinator.Job) bool {
	return job.State == recipe.JobPending && job.Waiting != ""
}

// may says what is in the way of what is wanted of a job.
func (j *Jobs) may(job *coordinator.Job, w coordinator.Want) error {
	if err := job.May(w); err != nil {
		return err
	}
	if replay, found := j.Replay(job.ID); found && w == coordinator.WantGone {
		f := coordinator.Faultf(coordinator.Conflict, "job %s can't be deleted: job %s replays its dead letters", job.ID, replay)
		f.Hint = "wait for its end, or cancel it"
		return f
	}
	return nil
}
