package library

import (
	"context"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// Retrying is a wish to run a job once more.
type Retrying struct {
	Job   recipe.JobID
	Owner string // who asks
	Key   string // as in a submission
}

// Retry writes down a new job that does what one did that failed or was cancelled: the same plan,
// labels and priority, without its deadline. A replay of dead letters is not retried: what it
// had taken can be replayed again. The fault is coordinator.Conflict where the job can't be
// retried.
func (l *Library) Retry(ctx context.Context, r Retrying) (job coordinator.Job, again bool, err error) {
	s := Submission{Owner: r.Owner, Key: r.Key}
	id := s.id(l.cfg.Project)
	body := ""
	if r.Key != "" {
		if err := checkKey(r.Key); err != nil {
			return job, false, err
		}
		sum := hashed("retry", string(r.Job))
		body = ids.EncodeToString(sum[:])
		if job, again, err = l.earlier(ctx, id, body); again || err != nil {
			return job, again, err
		}
	}
	old, err := l.cfg.Jobs.Job(r.Job)
	if err != nil {
		return job, false, err
	}
	if err := retriable(&old); err != nil {
		return job, false, err
	}
	return l.Admit(ctx, r.Owner, id, func(ctx context.Context) (*coordinator.Spec, error) {
		spec, err := l.cfg.Jobs.Spec(ctx, r.Job)
		if err != nil {
			return nil, err
		}
		if err := l.served(spec); err != nil {
			return nil, err
		}
		if err := l.provided(ctx, spec.Plan); err != nil {
			return nil, err
		}
		if err := l.room(ctx, spec.Plan); err != nil {
			return nil, err
		}
		next := *spec
		next.Job, next.Owner, next.Body, next.Created, next.RetryOf = id, r.Owner, body, l.now(), r.Job
		next.Deadline = time.Time{}
		return &next, nil
	})
}

func retriable(j *coordinator.Job) error {
	switch {
	case j.Parent != "":
		return &coordinator.Fault{Family: coordinator.Conflict, Text: "job " + string(j.ID) + " is a replay of dead letters, which is not retried",
			Hint: "what it did not do is replayed again from job " + string(j.Parent)}
	case j.State == recipe.JobFailed, j.State == recipe.JobCancelled:
		return nil
	case j.State.Final():
		return &coordinator.Fault{Family: coordinator.Conflict, Text: "job " + string(j.ID) + " has " + string(j.State) + ": there is nothing to retry", Hint: "submit its recipe again"}
	}
	return coordinator.Faultf(coordinator.Conflict, "job %s is %s: only a job that failed or was cancelled is retried", j.ID, j.State)
}

// served refuses a plan with kinds that are not known any more in the versions that it has.
func (l *Library) served(spec *coordinator.Spec) error {
	catalogue := l.cfg.Catalogue()
	for i := range spec.Plan.Steps {
		s := &spec.Plan.Steps[i]
		if s.Role == recipe.RoleGate {
			continue
		}
		if k, ok := catalogue.Lookup(s.Kind); !ok || k.Version != s.Version {
			return &coordinator.Fault{Family: coordinator.Conflict, Hint: "submit its recipe again",
				Text: "job " + string(spec.Job) + " can't be retried: node " + s.Node + " ran another version of the kind " + s.Kind + " than there is now"}
		}
	}
	return nil
}
