package library

import (
	"context"

	"sluice/coordinator"
	"sluice/recipe"
)

// Submit writes down the job of a submission. One that came before under its key is answered with
// its job, and again is true; the fault is coordinator.Conflict where the key was used for
// another, coordinator.Refused with the diagnostics for a recipe that does not compile, and
// coordinator.OverLimit over the limit of a user's jobs.
func (l *Library) Submit(ctx context.Context, s Submission) (job coordinator.Job, again bool, err error) {
	if job, again, err = l.before(ctx, &s); again || err != nil {
		return job, again, err
	}
	id := s.id(l.cfg.Project)
	return l.Admit(ctx, s.Owner, id, func(ctx context.Context) (*coordinator.Spec, error) {
		spec, err := l.Spec(ctx, s)
		if err == nil {
			spec.Job = id
			err = l.provided(ctx, spec.Plan)
		}
		if err == nil {
			err = l.room(ctx, spec.Plan)
		}
		return spec, err
	})
}

// before looks for the job of a submission that came before: it is answered even when its recipe
// was changed or deleted since.
func (l *Library) before(ctx context.Context, s *Submission) (job coordinator.Job, again bool, err error) {
	body, err := s.body()
	if err != nil || body == "" {
		return job, false, err
	}
	return l.earlier(ctx, s.id(l.cfg.Project), body)
}

// earlier returns the job of an id that was derived from a key, when there is one.
func (l *Library) earlier(ctx context.Context, id recipe.JobID, body string) (job coordinator.Job, again bool, err error) {
	spec, err := l.cfg.Jobs.Keyed(ctx, id)
	switch {
	case spec == nil || err != nil:
		return job, false, err
	case spec.Body != body:
		return job, false, coordinator.Faultf(coordinator.Conflict, "the idempotency key was used for another submission, job %s", id)
	}
	// It is written already: to submit it again makes nothing, and waits until it is seen here.
	if job, again, err = l.cfg.Jobs.Submit(ctx, spec); again && err == nil {
		return l.Stay(ctx, spec)
	}
	return job, again, err
}

// Spec makes what is written down of a submission, with its plan. It writes nothing.
func (l *Library) Spec(ctx context.Context, s Submission) (*coordinator.Spec, error) {
	now := l.now()
	if err := s.check(now); err != nil {
		return nil, err
	}
	body, err := s.body()
	if err != nil {
		return nil, err
	}
	source, err := l.source(ctx, &s)
	if err != nil {
		return nil, err
	}
	plan, found, err := l.Compile(ctx, source, s.Params, s.Seed)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return nil, refused("the recipe "+source.Label, found)
	}
	spec := &coordinator.Spec{Job: s.id(l.cfg.Project), Recipe: plan.Recipe, Version: source.Version, Uses: uses(plan), Source: source.Text, Files: source.Files,
		Params: s.Params, Plan: plan, Labels: s.Labels, Priority: s.Priority, Deadline: s.until(now), Owner: s.Owner, Body: body, Created: now}
	if source.Name != "" {
		spec.Recipe = source.Name
	}
	return spec, nil
}

func (l *Library) source(ctx context.Context, s *Submission) (Source, error) {
	if s.Document != nil {
		return s.Document.source()
	}
	return l.Saved(ctx, s.Recipe)
}

// uses names the saved recipes in a plan.
func uses(plan *recipe.Plan) []string {
	var names []string
	for _, s := range plan.Saved {
		names = append(names, Ref{s.Name, s.Version}.String())
	}
	return names
}

// provided refuses a plan that names a secret or an artifact which is not there: its job would fail in
// the middle.
func (l *Library) provided(ctx context.Context, plan *recipe.Plan) error {
	needs := (&recipe.Plan{Steps: plan.Steps}).SecretNames() // those that made the letters of a replay are not needed
	if err := each(ctx, l.cfg.Secret, needs, func(name string) *coordinator.Fault {
		return &coordinator.Fault{Family: coordinator.Conflict, Text: "the recipe names secret " + name + ", which is not set", Hint: "sluice secrets set " + name}
	}); err != nil {
		return err
	}
	return each(ctx, l.cfg.Artifact, coordinator.ArtifactsOf(plan), func(sha256 string) *coordinator.Fault {
		return &coordinator.Fault{Family: coordinator.Conflict, Text: "the recipe names artifact " + sha256 + ", which is not there", Hint: "upload the file: sluice artifacts upload FILE"}
	})
}

// each returns the fault of the first name that is not there. A nil function is asked for none.
func each(ctx context.Context, there func(context.Context, string) (bool, error), names []string, absent func(string) *coordinator.Fault) error {
	if there == nil {
		return nil
	}
	for _, name := range names {
		is, err := there(ctx, name)
		if err != nil {
			return err
		}
		if !is {
			return absent(name)
		}
	}
	return nil
}
