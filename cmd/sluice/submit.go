package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/progress"
	"sluice/recipe"
)

type submitCmd struct {
	Recipe string   `arg:"" help:"The recipe: a file, - for the standard input, or a saved one as NAME@VERSION."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value; @FILE uploads a file for the job to read. Repeatable."`
	remoteFlags
	Label    []string      `sep:"none" placeholder:"NAME=VALUE" help:"To find the job by. Repeatable."`
	Priority int           `default:"0" placeholder:"N" help:"From -10 to 10: the higher ones get more of the workers."`
	Deadline time.Duration `placeholder:"DURATION" help:"The job fails if it is not over by then, as 2h."`
	Seed     uint64        `help:"Seed of the random kinds: the same seed, the same records."`
	Key      string        `placeholder:"KEY" help:"Idempotency key: the same submission with the same key is one job, however often it is sent."`
	watchFlags
}

// watchFlags say how a job is watched.
type watchFlags struct {
	Watch      bool   `short:"w" help:"Wait for the end of the job and show it; Ctrl-C leaves, and the job goes on."`
	Progress   string `default:"auto" enum:"auto,bar,lines,none" help:"How progress is shown: auto, bar, lines or none. auto is a bar on a terminal, else lines."`
	JSON       bool   `name:"json" help:"Write progress and the end as JSON events to stderr, one a line."`
	FailOnDead bool   `help:"Exit 1 when a record became a dead letter."`
}

// Help is shown by submit --help.
func (submitCmd) Help() string {
	return `The job's id is printed. With --watch the exit code is that of the job, as with run; what its
printers print comes on stdout.`
}

// Run submits a job.
func (c submitCmd) Run(ctx context.Context, std streams) error {
	s := coordinator.Submission{Priority: c.Priority, Seed: c.Seed}
	if err := c.recipe(&s, std); err != nil {
		return err
	}
	params, err := readParams(c.Params)
	if err != nil {
		return err
	}
	if s.Labels, err = readLabels(c.Label); err != nil {
		return err
	}
	if c.Deadline > 0 {
		s.Deadline = time.Now().Add(c.Deadline).UTC()
	}
	if c.Key == "" {
		c.Key = rand.Text() // so that a request that went unanswered can be sent again
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	if s.Params, err = upload(ctx, r, params); err != nil {
		return err
	}
	j, err := r.Submit(ctx, s, c.Key)
	if coordinator.FamilyOf(err) == coordinator.Unavailable {
		j, err = r.Submit(ctx, s, c.Key)
	}
	if err != nil {
		return told(err)
	}
	if err := r.submitted(j.ID); err != nil {
		return err
	}
	if !c.Watch {
		fmt.Fprintln(std.out, j.ID)
		return nil
	}
	if !c.JSON {
		fmt.Fprintf(std.err, "job %s\n", j.ID)
	}
	return c.follow(ctx, std, r, j.ID)
}

// recipe fills in what is to run: a saved recipe by its name, or a file, with what it includes.
func (c *submitCmd) recipe(s *coordinator.Submission, std streams) error {
	if savedRecipe.MatchString(c.Recipe) {
		s.Recipe = c.Recipe
		return nil
	}
	text, files, _, err := withIncluded(c.Recipe, std.in)
	s.Document = coordinator.Document{Source: text, File: c.Recipe, Files: files}
	return err
}

// upload sends the files that parameters name by @FILE, and gives them the names of artifacts.
func upload(ctx context.Context, r *remote, params map[string]string) (map[string]any, error) {
	given := map[string]any{}
	for name, value := range params {
		given[name] = value
		file, isFile := strings.CutPrefix(value, "@")
		if !isFile {
			continue
		}
		a, err := r.Upload(ctx, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, usagef("-p %s=@%s: there is no such file", name, file)
		case err != nil:
			return nil, told(err)
		}
		given[name] = a.Ref
	}
	return given, nil
}

// over ends the following of a job that has come to its end, or to rest.
var over = errors.New("over")

// follow shows a job until it is at its end or at rest, and turns that into an exit code.
func (c *watchFlags) follow(ctx context.Context, std streams, r *remote, id recipe.JobID) error {
	view, err := c.shown().view(std)
	if err != nil {
		return err
	}
	ctx, _, release := interrupts(ctx, nil)
	defer release()
	err = r.Events(ctx, id, 0, true, func(e client.Event) error {
		switch e.Type {
		case coordinator.EventPrint:
			fmt.Fprintln(view.Guard(std.out), e.Text)
		case coordinator.EventProgress:
			var p recipe.Progress
			if json.Unmarshal(e.Data, &p) == nil {
				view.Show(p)
			}
		case coordinator.EventState:
			var s coordinator.Status
			if json.Unmarshal(e.Data, &s) == nil && s.State.AtRest() {
				return over
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, context.Canceled):
		return exitError{codeInterrupted, fmt.Errorf("job %s goes on; sluice logs -f %s follows it", id, id)}
	case !errors.Is(err, over):
		return told(err)
	}
	j, err := r.Client.Job(ctx, id)
	if err != nil {
		return told(err)
	}
	return c.close(view, &j, std)
}

func (c *watchFlags) shown() *showFlags { return &showFlags{Progress: c.Progress, JSON: c.JSON} }

// close shows the end of a job.
func (c *watchFlags) close(view progress.View, j *coordinator.Job, std streams) error {
	p := recipe.Progress{Job: j.ID, Recipe: j.Recipe}
	if j.Progress != nil {
		p = *j.Progress
	}
	p.State, p.Reason = j.State, j.Reason
	var end error
	switch {
	case j.State == recipe.JobSucceeded && c.FailOnDead && p.Dead() > 0:
		end = becameDead(p.Dead())
	case j.State == recipe.JobSucceeded:
	case !j.State.Final():
		end = exitError{codeInterrupted, fmt.Errorf("job %s is %s; sluice resume %s lets it go on", j.ID, j.State, j.ID)}
	case j.Reason != "":
		end = exitError{codeFailed, fmt.Errorf("%s: %s", j.Recipe, j.Reason)}
	default:
		end = exitError{codeFailed, fmt.Errorf("job %s: %s", j.ID, j.State)}
	}
	return c.shown().close(&p, end, view, std)
}
