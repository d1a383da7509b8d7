package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
	"sluice/coordinator/compile"
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
	States []recipe.JobState `query:"state,explode" doc:"Only jobs in one of these states."`
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
	ID   recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,32}$"`
	None string       `header:"If-None-Match"`
}

type orderIn struct {
	ID    recipe.JobID `path:"id" pattern:"^[a-z0-9]{1,32}$"`
	Match string       `header:"If-Match" doc:"The ETag of the job as you know it: refused with 412 when it was changed meanwhile."`
}

type jobOut struct {
	Tag  string `header:"ETag"`
	Body coordinator.Job
}

func tag(j *coordinator.Job) string { return strconv.Quote(strconv.FormatUint(j.Revision, 36)) }

// revision reads an If-Match; 0 is any.
func revision(match string) (uint64, error) {
	if match == "" || match == "*" {
		return 0, nil
	}
	text, err := strconv.Unquote(strings.TrimPrefix(match, "W/"))
	rev := uint64(0)
	if err == nil {
		rev, err = strconv.ParseUint(text, 36, 64)
	}
	if err != nil || rev == 0 {
		return 0, coordinator.Faultf(coordinator.Invalid, "If-Match is no ETag of a job: %s", match)
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
	route(s, huma.Operation{OperationID: "delete-job", Method: http.MethodDelete, Path: "/v1/jobs/{id}", Summary: "Delete a job that has ended", Tags: tags, DefaultStatus: http.StatusAccepted}, s.order(coordinator.WantGone))
}

// submit compiles a recipe and writes a job down: that is all there is to it.
func (s *server) submit(ctx context.Context, p *Project, in *submitIn) (*submitOut, error) {
	b := &in.Body
	o := s.options(&b.Document)
	o.Seed = b.Seed
	plan, found := compile.Compile(fileOf(&b.Document), []byte(b.Source), o)
	if plan == nil {
		return nil, refused(found)
	}
	params := map[string]any{}
	for k, v := range b.Params {
		params[k] = v
	}
	spec := &coordinator.Spec{Job: recipe.JobID(strings.ToLower(rand.Text()[:16])), Recipe: plan.Recipe, Source: b.Source, Params: params, Plan: plan, Labels: b.Labels,
		Priority: b.Priority, Deadline: b.Deadline, Owner: who(ctx).Name, Created: time.Now().UTC()}
	if in.Key != "" {
		spec.Job, spec.Body = identity(who(ctx), in)
	}
	job, again, err := p.Jobs.Submit(ctx, spec)
	if err != nil {
		return nil, err
	}
	out := &submitOut{Status: http.StatusCreated, Tag: tag(&job), At: "/v1/jobs/" + string(job.ID), Body: job}
	if again {
		out.Status = http.StatusOK
	}
	return out, nil
}

// identity is the id of a job that is submitted with a key, and the digest of what is submitted.
func identity(p coordinator.Principal, in *submitIn) (recipe.JobID, string) {
	body, _ := json.Marshal(in.Body) // strings, numbers and times
	digest := sha256.Sum256(body)
	id := sha256.Sum256([]byte(strings.Join([]string{p.Project, p.Name, in.Key}, "\x00")))
	return recipe.JobID(hex.EncodeToString(id[:])[:24]), hex.EncodeToString(digest[:])
}

func (s *server) list(_ context.Context, p *Project, in *listIn) (*pageOut, error) {
	f := coordinator.Filter{States: in.States, Recipe: in.Recipe, Owner: in.Owner, Since: in.Since, Until: in.Until, After: in.After, Limit: in.Limit}
	for _, l := range in.Labels {
		k, v, found := strings.Cut(l, "=")
		if !found {
			return nil, coordinator.Faultf(coordinator.Invalid, "label %q is not NAME=VALUE", l)
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
	if t := tag(&job); in.None != "" && in.None == t {
		return nil, &Problem{Status: http.StatusNotModified}
	}
	return &jobOut{tag(&job), job}, nil
}

// order says what is wanted of a job.
func (s *server) order(w coordinator.Want) func(context.Context, *Project, *orderIn) (*jobOut, error) {
	return func(ctx context.Context, p *Project, in *orderIn) (*jobOut, error) {
		rev, err := revision(in.Match)
		if err != nil {
			return nil, err
		}
		job, err := p.Jobs.Order(ctx, in.ID, coordinator.Order{Want: w, By: who(ctx).Name, At: time.Now().UTC()}, rev)
		if err != nil {
			return nil, err
		}
		return &jobOut{tag(&job), job}, nil
	}
}
