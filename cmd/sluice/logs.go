package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/recipe"
)

type logsCmd struct {
	jobArg
	Follow bool `short:"f" help:"Go on with what comes, until the job is at its end or at rest."`
	streamFlags
}

// Run prints the events of a job.
func (c logsCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	ctx, release := signal.NotifyContext(ctx, endings()...)
	defer release()
	l := &jobLog{print: func(e *client.Event) error { return printEvent(std.out, e) }}
	if !c.table() {
		l.print = func(e *client.Event) error { return c.item(std.out, e) }
	}
	err = r.Events(ctx, id, 0, false, l.take)
	if err == nil && c.Follow {
		err = l.follow(ctx, r, id)
	}
	if errors.Is(err, errOver) {
		err = l.late(ctx, r, id)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return exitError{code: codeInterrupted}
	}
	return told(err)
}

// jobLog prints events, and knows where the job is by them.
type jobLog struct {
	print func(*client.Event) error
	last  uint64
	state recipe.JobState // "" where none was told
	live  bool            // what comes is new: it ends where the job rests
}

func (l *jobLog) take(e client.Event) error {
	l.last = max(l.last, e.ID)
	if err := l.print(&e); err != nil {
		return err
	}
	var s coordinator.Status
	if e.Type == coordinator.EventState && json.Unmarshal(e.Data, &s) == nil {
		if l.state = s.State; l.live && s.State.AtRest() {
			return errOver
		}
	}
	return nil
}

// follow goes on until the job is at its end or at rest: at once where that is what was told
// last, or where no word of its states is kept.
func (l *jobLog) follow(ctx context.Context, r *remote, id recipe.JobID) error {
	if l.state == "" {
		j, err := r.Client.Job(ctx, id)
		if err != nil {
			return err
		}
		l.state = j.State
	}
	if l.state.AtRest() {
		return nil
	}
	l.live = true
	return r.Watch(ctx, id, l.last, l.take)
}

// late prints what the job's printers printed last.
func (l *jobLog) late(ctx context.Context, r *remote, id recipe.JobID) error {
	j, err := r.Client.Job(ctx, id)
	if err != nil {
		return err
	}
	return r.late(ctx, &j, l.last, l.take)
}

// printEvent prints what happened for people. Progress is not for a log.
func printEvent(w io.Writer, e *client.Event) error {
	if e.Type == coordinator.EventProgress {
		return nil
	}
	node := ""
	if e.Node != "" {
		node = e.Node + ": "
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(e.Text, "\n"), "\n") { // a printer tells of many records at once
		if _, err := fmt.Fprintf(w, "%s %-7s %s%s\n", clock(e.At, time.Now()), e.Level, node, visible(line)); err != nil {
			return err
		}
	}
	return nil
}

// clock is a time for people: with its date where that is not today's.
func clock(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}
