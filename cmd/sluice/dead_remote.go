package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"

	"sluice/client"
	"sluice/coordinator"
	"sluice/coordinator/dead"
	"sluice/internal/progress"
	"sluice/recipe"
)

// lastJob is how a user calls the job that was submitted last.
const lastJob = "@last"

// openJob returns the coordinator and the job that are meant.
func (f *whereFlags) openJob() (*remote, recipe.JobID, error) {
	r, err := f.open()
	if err != nil {
		return nil, "", err
	}
	id, err := r.job(first(f.Job, lastJob))
	return r, id, err
}

// remote prints the list of a job in a cluster.
func (c deadListCmd) remote(ctx context.Context, std streams) error {
	r, id, err := c.openJob()
	if err != nil {
		return err
	}
	rows := 0
	for after := ""; ; {
		page, err := r.Letters(ctx, id, c.Node, after)
		if err != nil {
			return told(err)
		}
		if err := c.page(std.out, page.Letters); err != nil {
			return err
		}
		rows += len(page.Letters)
		if after = page.Next; after == "" {
			break
		}
	}
	if rows == 0 && c.table() {
		fmt.Fprintf(std.err, "no dead letters of job %s\n", id)
	}
	return nil
}

func (c deadListCmd) page(w io.Writer, letters []coordinator.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	if !c.table() {
		for i := range letters {
			if err := c.item(w, &letters[i]); err != nil {
				return err
			}
		}
		return nil
	}
	return outputFlags{}.print(w, nil, func(w io.Writer) {
		row(w, "ID", "NODE", "ATTEMPTS", "REPLAYED", "REASON")
		for _, l := range letters {
			replayed := "no"
			if l.Replayed != "" {
				replayed = "yes"
			}
			row(w, l.ID, l.Node, l.Attempts, replayed, visible(l.Reason))
		}
	})
}

// remote prints letters of a job in a cluster whole.
func (c deadShowCmd) remote(ctx context.Context, std streams) error {
	r, id, err := c.openJob()
	if err != nil {
		return err
	}
	for _, name := range c.IDs {
		l, err := r.Letter(ctx, id, name)
		switch {
		case err != nil:
			return told(err)
		case !c.table():
			err = c.item(std.out, &l)
		default:
			err = printLetter(std.out, &l, fromOf(&l))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fromOf reads out of what a record was made, nil where that is not told.
func fromOf(l *coordinator.DeadLetterWhole) *dead.From {
	data, err := json.Marshal(l.From)
	var from *dead.From
	if err != nil || json.Unmarshal(data, &from) != nil {
		return nil
	}
	return from
}

// remote replays letters of a job in a cluster.
func (c deadReplayCmd) remote(ctx context.Context, std streams) error {
	if c.Root != "." || len(c.AllowNet) > 0 || len(c.Tap) > 0 {
		return usagef("--root, --allow-net and --tap go with --data-dir: in a cluster workers are told what nodes may reach")
	}
	r, id, err := c.openJob()
	if err != nil {
		return err
	}
	done, err := r.Replay(ctx, id, client.Replaying{IDs: c.IDs, Node: c.Node, Force: c.Force, Key: rand.Text()})
	if err != nil {
		return told(err)
	}
	say := func(format string, args ...any) {
		if !c.silent() {
			fmt.Fprintf(std.err, format+"\n", args...)
		}
	}
	say("dead letters that are replayed: %s", progress.Count(int64(done.Letters)))
	if done.Sources > 0 {
		say("dead letters of sources, left out because they were given up before they were records: %s", progress.Count(int64(done.Sources)))
	}
	for _, node := range done.Later {
		say("dead letters of %s are not replayed yet: a replay of other letters writes to the same sinks; give the command again when that has ended", node)
	}
	watch := watchFlags{Progress: c.Progress, JSON: c.JSON, Quiet: c.Quiet, FailOnDead: c.FailOnDead}
	for i := range done.Jobs {
		child := done.Jobs[i].ID
		if !c.Watch {
			fmt.Fprintln(std.out, child)
			say("what is given up again is a dead letter of the replay: %s", shellLine([]string{"dead", "list", "--job", string(child)}))
			continue
		}
		say("job %s", child)
		if err := watch.follow(ctx, std, r, child); err != nil {
			return err
		}
	}
	return nil
}

type deadPurgeCmd struct {
	remoteFlags
	IDs []string `arg:"" name:"id" optional:"" help:"Ids, as the list shows them."`
	Job string   `placeholder:"JOB" default:"@last" help:"The job; without it the one that was submitted last."`
	All bool     `help:"Delete all dead letters of the job."`
}

// Run deletes letters.
func (c deadPurgeCmd) Run(ctx context.Context, std streams) error {
	if c.All == (len(c.IDs) > 0) {
		return usagef("name the letters that are to be deleted for good, or give --all")
	}
	r, err := c.open()
	if err != nil {
		return err
	}
	id, err := r.job(c.Job)
	if err != nil {
		return err
	}
	n, err := r.PurgeLetters(ctx, id, c.IDs)
	if err != nil {
		return told(err)
	}
	fmt.Fprintf(std.err, "dead letters of job %s that were deleted: %s\n", id, progress.Count(int64(n)))
	return nil
}
