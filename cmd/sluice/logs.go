package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/client"
	"sluice/coordinator"
)

type logsCmd struct {
	jobArg
	Follow bool `short:"f" help:"Go on with what comes, until the job is at its end or at rest."`
	JSON   bool `name:"json" help:"Print the events as JSON, one a line."`
}

// Run prints the events of a job.
func (c logsCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	ctx, _, release := interrupts(ctx, nil)
	defer release()
	err = r.Events(ctx, id, 0, c.Follow, func(e client.Event) error {
		if c.JSON {
			return printJSON(std.out, e)
		}
		return printEvent(std.out, &e)
	})
	switch {
	case errors.Is(err, over):
		return nil
	case errors.Is(err, context.Canceled):
		return exitError{code: codeInterrupted}
	}
	return told(err)
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
	_, err := fmt.Fprintf(w, "%s %-7s %s%s\n", e.At.Local().Format(time.TimeOnly), e.Level, node, e.Text)
	return err
}
