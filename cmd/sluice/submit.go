package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"sluice/coordinator"
)

type submitCmd struct {
	Recipe string   `arg:"" help:"The recipe: a file, - for the standard input, or a saved one as NAME or NAME@VERSION."`
	Params []string `short:"p" name:"param" sep:"none" placeholder:"NAME=VALUE" help:"Give a parameter a value; @FILE uploads a file for the job to read. Repeatable."`
	remoteFlags
	Label    []string      `sep:"none" placeholder:"NAME=VALUE" help:"To find the job by. Repeatable."`
	Priority int           `default:"0" placeholder:"N" help:"From -10 to 10: the higher ones get more of the workers."`
	Deadline time.Duration `placeholder:"DURATION" help:"The job fails if it is not over by then, as 2h."`
	Seed     uint64        `help:"Seed of the random kinds: the same seed, the same records."`
	Key      string        `placeholder:"KEY" help:"Idempotency key: the same submission with the same key is one job, however often it is sent."`
	outputFlags
	watchFlags
}

// watchFlags say how a job is watched.
type watchFlags struct {
	Watch      bool   `short:"w" help:"Wait for the end of the job and show it; Ctrl-C leaves, and the job goes on."`
	Progress   string `default:"auto" enum:"auto,bar,lines,none" help:"How progress is shown: auto, bar, lines or none. auto is a bar on a terminal, else lines."`
	JSON       bool   `name:"json" help:"Write progress and the end as JSON events to stderr, one a line."`
	Quiet      bool   `short:"q" help:"Show neither progress nor the table at the end, only faults and a count of dead letters."`
	FailOnDead bool   `help:"Exit 1 when a record became a dead letter."`
}

// check refuses to print the job where its printers print.
func (c *watchFlags) check(out outputFlags) error {
	if c.Watch && !out.people() {
		return usagef("-o goes without --watch, where stdout has what printers print; --json has the end as an event on stderr")
	}
	return nil
}

// Help is shown by submit --help.
func (submitCmd) Help() string {
	return `The job's id is printed, or with -o all of the job. With --watch the exit code is that of the job, as with run; what its
printers print comes on stdout.`
}

// Run submits a job.
func (c submitCmd) Run(ctx context.Context, std streams) error {
	if err := c.check(c.outputFlags); err != nil {
		return err
	}
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
		s.Within = c.Deadline.String() // the coordinator reckons from it, so that what is sent again is the same
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
	return c.begun(ctx, std, r, c.outputFlags, func() (coordinator.Job, error) { return r.Submit(ctx, s, c.Key) })
}

// begun makes a job, once more if no answer came, and shows it: by its id, or until its end.
func (c *watchFlags) begun(ctx context.Context, std streams, r *remote, out outputFlags, ask func() (coordinator.Job, error)) error {
	j, err := ask()
	if coordinator.FamilyOf(err) == coordinator.Unavailable {
		j, err = ask()
	}
	if err != nil {
		return told(err)
	}
	switch { // before anything else can fail: the job is there
	case !c.Watch:
		err = out.print(std.out, &j, func(w io.Writer) { row(w, j.ID) })
	case !c.shown().silent():
		fmt.Fprintf(std.err, "job %s\n", j.ID)
	}
	if err := r.submitted(j.ID); err != nil {
		fmt.Fprintf(std.err, "sluice: the job is not remembered as @last: %v\n", err)
	}
	if !c.Watch {
		return err
	}
	return c.follow(ctx, std, r, j.ID)
}

type retryCmd struct {
	jobArg
	outputFlags
	watchFlags
}

// Run runs a job once more that failed or was cancelled.
func (c retryCmd) Run(ctx context.Context, std streams) error {
	if err := c.check(c.outputFlags); err != nil {
		return err
	}
	r, id, err := c.find()
	if err != nil {
		return err
	}
	key := rand.Text()
	return c.begun(ctx, std, r, c.outputFlags, func() (coordinator.Job, error) { return r.Retry(ctx, id, key) })
}

// recipe fills in what is to run: a saved recipe by its name, or a file, with what it includes.
func (c *submitCmd) recipe(s *coordinator.Submission, std streams) error {
	_, err := os.Stat(c.Recipe) // a file goes before a saved recipe of that name
	if savedRecipe.MatchString(c.Recipe) || errors.Is(err, fs.ErrNotExist) && recipeName.MatchString(c.Recipe) {
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
		case coordinator.FamilyOf(err) == coordinator.Forbidden:
			return nil, usagef("-p %s=@%s: %w\n  hint: an author uploads the file, by sluice artifacts upload %s; what that prints is given as -p %s=artifact:…", name, file, told(err), file, name)
		case err != nil:
			return nil, told(err)
		}
		given[name] = a.Ref
	}
	return given, nil
}
