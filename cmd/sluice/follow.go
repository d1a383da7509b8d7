package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/progress"
	"sluice/recipe"
)

// errOver ends the following of a job that has come to its end, or to rest.
var errOver = errors.New("over")

// follow shows a job until it is at its end or at rest, and turns that into an exit code.
func (c *watchFlags) follow(parent context.Context, std streams, r *remote, id recipe.JobID) error {
	view, err := c.shown().view(std)
	if err != nil {
		return err
	}
	ctx, release := signal.NotifyContext(parent, endings()...)
	defer release()
	show, seen := c.shower(view, std), uint64(0)
	err = r.Watch(ctx, id, 0, func(e client.Event) error {
		seen = max(seen, e.ID)
		return show(e)
	})
	switch {
	case errors.Is(err, context.Canceled):
		return exitError{codeInterrupted, fmt.Errorf("job %s goes on; sluice logs -f %s follows it", id, id)}
	case err != nil && !errors.Is(err, errOver): // nil: it is over, or rests, and the event that says so was not kept
		return told(err)
	}
	j, err := r.Client.Job(parent, id)
	if err != nil {
		return told(err)
	}
	if err := r.late(ctx, &j, seen, show); err != nil {
		return err
	}
	return c.close(parent, view, r, &j, std)
}

// shower returns what shows the events of a job. It answers errOver at the job's end, or rest.
func (c *watchFlags) shower(view progress.View, std streams) func(client.Event) error {
	out, errs, waits := view.Guard(std.out), view.Guard(std.err), ""
	return func(e client.Event) error {
		switch e.Type {
		case coordinator.EventPrint:
			fmt.Fprintln(out, e.Text)
		case coordinator.EventProgress:
			var p recipe.Progress
			if json.Unmarshal(e.Data, &p) == nil {
				view.Show(p)
			}
		case coordinator.EventState:
			var s coordinator.Status
			switch err := json.Unmarshal(e.Data, &s); {
			case err != nil:
			case s.State.AtRest():
				return errOver
			case s.Waiting != waits:
				if waits = s.Waiting; waits != "" && !c.JSON {
					fmt.Fprintf(errs, "it waits: %s\n", waits)
				}
			}
		}
		return nil
	}
}

func (c *watchFlags) shown() *showFlags {
	return &showFlags{Progress: c.Progress, JSON: c.JSON, Quiet: c.Quiet}
}

// close shows the end of a job.
func (c *watchFlags) close(ctx context.Context, view progress.View, r *remote, j *coordinator.Job, std streams) error {
	p := recipe.Progress{Job: j.ID, Recipe: j.Recipe}
	if j.Progress != nil {
		p = *j.Progress
	}
	p.Recipe = cmp.Or(p.Recipe, j.Recipe) // where no worker has told of it, it has no name
	p.State, p.Reason = j.State, j.Reason
	silent := c.shown().silent()
	err := c.shown().close(&p, c.verdict(j, &p), view, std)
	switch n := p.Dead(); {
	case n == 0 || c.JSON:
	case silent:
		fmt.Fprintf(std.err, "%s; %s\n", deadCount(n), whereDeadOf(j.ID))
	default:
		r.reasonsOf(ctx, j.ID, n).print(std.err, whereDeadOf(j.ID))
	}
	return err
}

// verdict is the error that a watched job ends with, nil when all is well.
func (c *watchFlags) verdict(j *coordinator.Job, p *recipe.Progress) error {
	switch {
	case j.State == recipe.JobSucceeded && c.FailOnDead && p.Dead() > 0:
		return becameDead(p.Dead())
	case j.State == recipe.JobSucceeded:
		return nil
	case !j.State.Final():
		return exitError{codeInterrupted, fmt.Errorf("job %s is %s; sluice resume %s lets it go on", j.ID, j.State, j.ID)}
	case j.State == recipe.JobFailed && j.Reason != "" && !c.shown().silent():
		return exitError{code: codeFailed} // the table has said why
	case j.Reason != "":
		return exitError{codeFailed, fmt.Errorf("%s: %s", j.Recipe, j.Reason)}
	}
	return exitError{codeFailed, fmt.Errorf("job %s is %s", j.ID, j.State)}
}

// reasonsOf reads why records of a job were given up, of those that one page has.
func (r *remote) reasonsOf(ctx context.Context, id recipe.JobID, dead int64) *reasons {
	page, err := r.Letters(ctx, id, "", "")
	if err != nil {
		return &reasons{} // the table has the count
	}
	all := counting{more: int64(len(page.Letters)) < dead}
	for _, l := range page.Letters {
		all.count(l.Node, l.Reason)
	}
	return all.reasons()
}

// whereDeadOf says where the dead letters of a job in a cluster are.
func whereDeadOf(id recipe.JobID) string {
	return "listed by: " + shellLine([]string{"dead", "list", "--job", string(id)})
}
