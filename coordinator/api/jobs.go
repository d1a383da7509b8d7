package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/library"
	"sluice/recipe"
)

type submitIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"128" doc:"The same key and body again are the same job; another body is refused with 409."`
	Body coordinator.Submission
}

type submitOut struct {
	Status int
	Tag    string `header:"ETag"`
	At     string `header:"Location"`
	Body   coordinator.Job
}

type listIn struct {
	States []recipe.JobState `query:"state,explode" maxItems:"32" enum:"pending,running,draining,paused,stopped,succeeded,failed,cancelled" doc:"Only jobs in one of these states."`
	Recipe string            `query:"recipe" maxLength:"128"`
	Owner  string            `query:"owner" maxLength:"128"`
	Labels []string          `query:"label,explode" maxItems:"32" doc:"NAME=VALUE that a job must have; repeatable."`
	Since  time.Time         `query:"since" doc:"Submitted then or later."`
	Until  time.Time         `query:"until" doc:"Submitted before."`
	After  string            `query:"after" maxLength:"256" doc:"The next of the page before."`
	Limit  int               `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type pageOut struct{ Body coordinator.Page }

type jobIn struct {
	ID recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Asked
}

type orderIn struct {
	ID recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Meant
}

type jobOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Job
}

func tag(j *coordinator.Job) string { return strong(j.Revision) }

// liveTag is the weak tag of a job that is shown with the progress which that event has told of.
func liveTag(j *coordinator.Job, told uint64) string {
	return `W/"` + strconv.FormatUint(j.Revision, 36) + "." + strconv.FormatUint(told, 36) + `"`
}

// revision reads an If-Match; 0 is any. Progress is no change of a job: what a tag has of it does
// not count.
func revision(match string) (uint64, error) {
	if match == "" || match == "*" {
		return 0, nil
	}
	text, ok := bare(match)
	text, _, _ = strings.Cut(text, ".")
	rev, err := strconv.ParseUint(text, 36, 64)
	if !ok || err != nil || rev == 0 {
		return 0, coordinator.Faultf(coordinator.Invalid, "If-Match is no ETag of a job: %.80s", match)
	}
	return rev, nil
}

func (s *server) jobs() {
	tags := []string{"jobs"}
	route(s, huma.Operation{OperationID: "submit-job", Method: http.MethodPost, Path: "/v1/jobs", Summary: "Submit a job", Tags: tags, DefaultStatus: http.StatusCreated}, s.submit)
	route(s, huma.Operation{OperationID: "list-jobs", Method: http.MethodGet, Path: "/v1/jobs", Summary: "List jobs, newest first", Tags: tags}, s.list)
	route(s, huma.Operation{OperationID: "show-job", Method: http.MethodGet, Path: "/v1/jobs/{id}", Summary: "Show a job", Tags: tags}, s.show)
	for _, o := range []struct {
		verb, summary string
		want          coordinator.Want
	}{
		{"pause", "Bring a job to rest", coordinator.WantPause},
		{"resume", "Let a job go on that rests", coordinator.WantRun},
		{"stop", "Stop a job: at rest within 2 s, resumable", coordinator.WantStop},
		{"drain", "End a job's sources and let the rest run empty", coordinator.WantDrain},
		{"cancel", "End a job and discard what is stored of it", coordinator.WantCancel},
	} {
		route(s, huma.Operation{OperationID: o.verb + "-job", Method: http.MethodPost, Path: "/v1/jobs/{id}/" + o.verb, Summary: o.summary, Tags: tags, DefaultStatus: http.StatusAccepted}, s.order(o.want))
	}
	route(s, huma.Operation{OperationID: "retry-job", Method: http.MethodPost, Path: "/v1/jobs/{id}/retry", Summary: "Run a job once more that failed or was cancelled", Tags: tags, DefaultStatus: http.StatusCreated}, s.retry)
	route(s, huma.Operation{OperationID: "show-job-plan", Method: http.MethodGet, Path: "/v1/jobs/{id}/plan", Summary: "Show what a job's recipe was compiled to", Tags: tags}, s.plan)
	route(s, huma.Operation{OperationID: "show-job-recipe", Method: http.MethodGet, Path: "/v1/jobs/{id}/recipe", Summary: "Show the recipe and parameters of a job", Tags: tags}, s.document)
	route(s, huma.Operation{OperationID: "delete-job", Method: http.MethodDelete, Path: "/v1/jobs/{id}", Summary: "Delete a job that has ended", Tags: tags, DefaultStatus: http.StatusAccepted}, s.order(coordinator.WantGone))
}

// submit writes a job down: that is all there is to it.
func (s *server) submit(ctx context.Context, p *Project, in *submitIn) (*submitOut, error) {
	b := &in.Body
	if b.Source == "" && b.Recipe == "" {
		f := coordinator.Faultf(coordinator.Invalid, "the submission has neither source, which is a recipe, nor recipe, which names a saved one")
		f.Hint = `send {"source": "recipe: …"} or {"recipe": "NAME@VERSION"}`
		return nil, f
	}
	sub := library.Submission{Owner: who(ctx).Name, Key: in.Key, Recipe: b.Recipe, Params: b.Params, Labels: b.Labels, Priority: b.Priority, Deadline: b.Deadline, Seed: b.Seed}
	if b.Within != "" {
		var err error
		if sub.Within, err = time.ParseDuration(b.Within); err != nil || sub.Within <= 0 {
			return nil, coordinator.Faultf(coordinator.Invalid, "deadline_in is %.32q, which is no time above 0; one is written like 90s or 1h30m", b.Within)
		}
	}
	if b.Source != "" {
		if err := auth.May(who(ctx), "submit-document", ""); err != nil {
			return nil, err
		}
		sub.Document = &library.Document{Label: b.File, Text: b.Source, Files: b.Files}
	}
	job, again, err := p.Library.Submit(ctx, sub)
	return submitted(ctx, job, again, err)
}

func submitted(ctx context.Context, job coordinator.Job, again bool, err error) (*submitOut, error) {
	if err != nil {
		return nil, err
	}
	made(ctx, string(job.ID))
	out := &submitOut{Status: http.StatusCreated, Tag: tag(&job), At: "/v1/jobs/" + string(job.ID), Body: job}
	if again {
		out.Status = http.StatusOK
	}
	return out, nil
}

type retryIn struct {
	ID  recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,64}$"`
	Key string       `header:"Idempotency-Key" maxLength:"128"`
}

func (s *server) retry(ctx context.Context, p *Project, in *retryIn) (*submitOut, error) {
	job, again, err := p.Library.Retry(ctx, library.Retrying{Job: in.ID, Owner: who(ctx).Name, Key: in.Key})
	return submitted(ctx, job, again, err)
}

func (s *server) list(_ context.Context, p *Project, in *listIn) (*pageOut, error) {
	f := coordinator.Filter{States: in.States, Recipe: in.Recipe, Owner: in.Owner, Since: in.Since, Until: in.Until, After: in.After, Limit: in.Limit}
	for _, l := range in.Labels {
		k, v, found := strings.Cut(l, "=")
		if !found {
			return nil, coordinator.Faultf(coordinator.Invalid, "label %.80q is not NAME=VALUE", l)
		}
		if had, twice := f.Labels[k]; twice && had != v {
			return nil, coordinator.Faultf(coordinator.Invalid, "label %.80q is asked for twice, as %.80q and as %.80q: no job has both", k, had, v)
		}
		if f.Labels == nil {
			f.Labels = map[string]string{}
		}
		f.Labels[k] = v
	}
	page, err := p.Jobs.List(f)
	return &pageOut{page}, err
}

func (s *server) show(ctx context.Context, p *Project, in *jobIn) (*jobOut, error) {
	job, err := p.Jobs.Show(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	t := tag(&job)
	if rests := job.State.AtRest() && job.Progress != nil && len(job.Progress.Steps) > 0; !rests && !job.State.Final() {
		if now, told, err := p.Events.Progress(ctx, in.ID); err == nil {
			now.Elapsed += standing(ctx, p, &job, &told)
			job.Progress, t = &now, liveTag(&job, told.ID)
		}
	}
	return &jobOut{t, job}, in.fresh(t)
}

// progressStands is how old progress is that is shown as it is: news is told at most once a second.
const progressStands = 1500 * time.Millisecond

// standing is how long a job has run since its last progress: of a slow node nothing new is counted for
// long, and its time goes on. It is 0 where the job does not run, or was at rest meanwhile.
func standing(ctx context.Context, p *Project, job *coordinator.Job, told *coordinator.Event) time.Duration {
	age := time.Since(told.At)
	if age < progressStands || job.Waiting != "" || job.State != recipe.JobRunning && job.State != recipe.JobDraining {
		return 0
	}
	if changed, err := p.Events.Changed(ctx, job.ID); err != nil || changed > told.ID {
		return 0
	}
	return age
}

// order says what is wanted of a job.
func (s *server) order(w coordinator.Want) func(context.Context, *Project, *orderIn) (*jobOut, error) {
	return func(ctx context.Context, p *Project, in *orderIn) (*jobOut, error) {
		rev, err := revision(in.Match)
		if err != nil {
			return nil, err
		}
		if w == coordinator.WantGone {
			if err := mayDelete(ctx, p, in.ID); err != nil {
				return nil, err
			}
		}
		job, err := p.Jobs.Order(ctx, in.ID, coordinator.Order{Want: w, By: who(ctx).Name, At: time.Now().UTC()}, rev)
		if coordinator.FamilyOf(err) == coordinator.Changed && job.Revision > 0 {
			err = meanwhile("job "+string(in.ID), tag(&job))
		}
		if err != nil {
			return nil, err
		}
		return &jobOut{tag(&job), job}, nil
	}
}

// mayDelete reports whether who asks may delete a job: it may be another's.
func mayDelete(ctx context.Context, p *Project, id recipe.JobID) error {
	job, err := p.Jobs.Job(id)
	if err != nil {
		return err
	}
	return auth.May(who(ctx), "delete-job", job.Owner)
}

func (s *server) plan(ctx context.Context, p *Project, in *jobIn) (*jobPlanOut, error) {
	spec, err := p.Jobs.Spec(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	body := coordinator.Planned{Plan: spec.Plan, Mermaid: spec.Plan.Mermaid(), DOT: spec.Plan.DOT()}
	t, err := tagOf(body)
	if err == nil {
		err = in.fresh(t)
	}
	return &jobPlanOut{t, body}, err
}

func (s *server) document(ctx context.Context, p *Project, in *jobIn) (*documentOut, error) {
	spec, err := p.Jobs.Spec(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	body := coordinator.Document{Source: spec.Source, File: spec.Recipe, Files: spec.Files, Params: spec.Params}
	t, err := tagOf(body)
	if err == nil {
		err = in.fresh(t)
	}
	return &documentOut{t, body}, err
}

type jobPlanOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Planned
}

type documentOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Document
}
