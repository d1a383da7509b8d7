package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/progress"
	"sluice/recipe"
)

type jobsCmd struct {
	remoteFlags
	outputFlags
	State  []recipe.JobState `placeholder:"STATE" help:"Only jobs in this state. Repeatable."`
	Recipe string            `placeholder:"NAME" help:"Only jobs of this recipe."`
	Owner  string            `placeholder:"NAME" help:"Only jobs of this user."`
	Label  []string          `sep:"none" placeholder:"NAME=VALUE" help:"Only jobs with this label. Repeatable."`
	Since  time.Duration     `placeholder:"AGE" help:"Only jobs that were submitted within so long, as 24h or 7d."`
	Limit  int               `default:"50" placeholder:"N" help:"Jobs to list, at most; 0 is all."`
}

// mostAtOnce is the largest page that the API gives.
const mostAtOnce = 500

// Run lists jobs, newest first.
func (c jobsCmd) Run(ctx context.Context, std streams) error {
	r, err := c.open()
	if err != nil {
		return err
	}
	f := coordinator.Filter{States: c.State, Recipe: c.Recipe, Owner: c.Owner}
	if err := c.check(); err != nil {
		return err
	}
	if f.Labels, err = readLabels(c.Label); err != nil {
		return err
	}
	if c.Since > 0 {
		f.Since = time.Now().Add(-c.Since)
	}
	jobs := []coordinator.Job{}
	for {
		f.Limit = mostAtOnce
		if c.Limit > 0 {
			f.Limit = min(f.Limit, c.Limit-len(jobs))
		}
		page, err := r.Jobs(ctx, f)
		if err != nil {
			return told(err)
		}
		jobs = append(jobs, page.Jobs...)
		if f.After = page.Next; f.After == "" || c.Limit > 0 && len(jobs) >= c.Limit {
			break
		}
	}
	return c.print(std.out, jobs, func(w io.Writer) {
		row(w, "JOB", "RECIPE", "STATE", "OWNER", "AGE", "TOOK", "")
		for i := range jobs {
			j := &jobs[i]
			row(w, j.ID, named(j), stateOf(j), j.Owner, progress.Human(time.Since(j.Created).Round(time.Second)), took(j), first(j.Reason, j.Waiting))
		}
	})
}

// states are those that a job can be in.
var states = []recipe.JobState{recipe.JobPending, recipe.JobRunning, recipe.JobDraining, recipe.JobPaused, recipe.JobStopped,
	recipe.JobSucceeded, recipe.JobFailed, recipe.JobCancelled}

func (c *jobsCmd) check() error {
	var names []string
	for _, s := range states {
		names = append(names, string(s))
	}
	for _, s := range c.State {
		if !slices.Contains(states, s) {
			return usagef("--state %s: no job is ever so; there are: %s", s, strings.Join(names, ", "))
		}
	}
	return nil
}

// named is a job's recipe with its version.
func named(j *coordinator.Job) string {
	if j.Version > 0 {
		return fmt.Sprintf("%s@%d", j.Recipe, j.Version)
	}
	return j.Recipe
}

// stateOf is a job's state, and what is wanted of it where that is on its way.
func stateOf(j *coordinator.Job) string {
	on := map[coordinator.Want]string{coordinator.WantPause: "pausing", coordinator.WantStop: "stopping", coordinator.WantCancel: "cancelling", coordinator.WantGone: "deleting"}
	if word := on[j.Want]; word != "" && !j.State.AtRest() {
		return word
	}
	return string(j.State)
}

func took(j *coordinator.Job) string {
	switch {
	case j.Started.IsZero():
		return ""
	case j.Ended.IsZero():
		return progress.Human(time.Since(j.Started).Round(time.Second))
	}
	return progress.Human(j.Ended.Sub(j.Started).Round(time.Millisecond))
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// readLabels reads NAME=VALUE pairs.
func readLabels(pairs []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, p := range pairs {
		k, v, found := strings.Cut(p, "=")
		if !found || k == "" {
			return nil, usagef("label %q is not NAME=VALUE", p)
		}
		if was, twice := labels[k]; twice {
			return nil, usagef("label %s is given twice, as %q and %q: a job has one value of each", k, was, v)
		}
		labels[k] = v
	}
	return labels, nil
}

// jobArg names one job of a coordinator.
type jobArg struct {
	remoteFlags
	Job string `arg:"" help:"The job's id; @last is the one that was submitted last."`
}

type jobCmd struct {
	jobArg
	outputFlags
}

// Run shows a job.
func (c jobCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	j, err := r.Client.Job(ctx, id)
	if err != nil {
		return told(err)
	}
	return c.print(std.out, j, func(w io.Writer) {
		row(w, "job", j.ID)
		row(w, "recipe", named(&j))
		row(w, "state", stateOf(&j))
		if why := first(j.Reason, j.Waiting); why != "" {
			row(w, "", why)
		}
		row(w, "owner", j.Owner)
		row(w, "submitted", j.Created.Local().Format(time.DateTime))
		if t := took(&j); t != "" {
			row(w, "took", t)
		}
		about(w, &j)
		if j.Progress != nil && len(j.Progress.Steps) > 0 {
			p := *j.Progress // which may be older than the state, and without a name
			p.State, p.Recipe = j.State, named(&j)
			row(w)
			progress.Glance(w, p, j.Waiting != "" || j.State.AtRest() && !j.State.Final(), 100)
		}
	})
}

// about prints what was asked for beside the recipe.
func about(w io.Writer, j *coordinator.Job) {
	if j.Priority != 0 {
		row(w, "priority", j.Priority)
	}
	if !j.Deadline.IsZero() {
		row(w, "deadline", j.Deadline.Local().Format(time.DateTime))
	}
	for _, k := range slices.Sorted(maps.Keys(j.Labels)) {
		row(w, "label", k+"="+j.Labels[k])
	}
	if j.RetryOf != "" {
		row(w, "retry of", j.RetryOf)
	}
	if j.Parent != "" {
		row(w, "replays", "dead letters of "+j.Parent)
	}
	if len(j.Uses) > 0 {
		row(w, "uses", strings.Join(j.Uses, " "))
	}
}

func (a *jobArg) find() (*remote, recipe.JobID, error) {
	r, err := a.open()
	if err != nil {
		return nil, "", err
	}
	id, err := r.job(a.Job)
	return r, id, err
}

// order says what is wanted of a job, and waits until it is so unless that is not wanted.
func (a *jobArg) order(ctx context.Context, std streams, verb string, until func(*coordinator.Job) bool, f waitFlags) error {
	r, id, err := a.find()
	if err != nil {
		return err
	}
	j, err := r.Order(ctx, id, verb)
	if err != nil {
		return told(err)
	}
	if j, err = r.until(ctx, j, until, f.Wait); err != nil {
		return err
	}
	if !f.people() {
		return f.print(std.out, &j, nil)
	}
	fmt.Fprintf(std.err, "job %s: %s\n", id, withWhy(&j))
	return nil
}

// until waits until a job is as it was ordered to be, for so long.
func (r *remote) until(ctx context.Context, j coordinator.Job, until func(*coordinator.Job) bool, wait time.Duration) (coordinator.Job, error) {
	within, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for !until(&j) && wait > 0 {
		select {
		case <-within.Done():
		case <-time.After(askEvery):
		}
		now, err := r.Client.Job(within, j.ID)
		switch {
		case within.Err() != nil:
			return j, exitError{codeNotYet, fmt.Errorf("job %s is still %s after %s; the order was taken, and sluice job %s shows what becomes of it", j.ID, withWhy(&j), wait, j.ID)}
		case err != nil:
			return j, told(err)
		}
		j = now
	}
	return j, nil
}

// withWhy is a job's state, and why it is so where that is told.
func withWhy(j *coordinator.Job) string {
	if why := first(j.Reason, j.Waiting); why != "" {
		return fmt.Sprintf("%s (%s)", stateOf(j), why)
	}
	return stateOf(j)
}

// askEvery is how often a command looks whether a job is where it is to be.
const askEvery = 100 * time.Millisecond

// waitFlags say how long a command waits, and how it prints what the job is like then.
type waitFlags struct {
	outputFlags
	Wait time.Duration `default:"10s" help:"How long to wait until it is so; 0 does not wait. The exit code is 5 when it is not so then: the order stands."`
}

func atRest(j *coordinator.Job) bool { return j.State.AtRest() }
func ended(j *coordinator.Job) bool  { return j.State.Final() }
func awake(j *coordinator.Job) bool  { return !j.State.AtRest() || j.State.Final() }

type stopCmd struct {
	jobArg
	waitFlags
}

// Run stops a job.
func (c stopCmd) Run(ctx context.Context, std streams) error {
	return c.order(ctx, std, client.Stop, atRest, c.waitFlags)
}

type pauseCmd struct {
	jobArg
	waitFlags
}

// Run pauses a job.
func (c pauseCmd) Run(ctx context.Context, std streams) error {
	return c.order(ctx, std, client.Pause, atRest, c.waitFlags)
}

type resumeCmd struct {
	jobArg
	waitFlags
}

// Run lets a job go on.
func (c resumeCmd) Run(ctx context.Context, std streams) error {
	return c.order(ctx, std, client.Resume, awake, c.waitFlags)
}

type drainCmd struct {
	jobArg
	waitFlags
}

// Run ends a job's sources.
func (c drainCmd) Run(ctx context.Context, std streams) error {
	return c.order(ctx, std, client.Drain, ended, c.waitFlags)
}

type cancelCmd struct {
	jobArg
	waitFlags
}

// Run cancels a job.
func (c cancelCmd) Run(ctx context.Context, std streams) error {
	return c.order(ctx, std, client.Cancel, ended, c.waitFlags)
}

type deleteCmd struct{ jobArg }

// Run deletes a job that has ended.
func (c deleteCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	if err := r.Delete(ctx, id); err != nil {
		return told(err)
	}
	fmt.Fprintf(std.err, "job %s is deleted\n", id)
	return nil
}
