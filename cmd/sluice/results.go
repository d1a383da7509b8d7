package main

import (
	"context"
)

type resultsCmd struct {
	jobArg
	Node string `placeholder:"NODE" help:"The sink; may be left out where the job has one that keeps records. Printers keep none: sluice logs has what they print."`
}

// Run prints the records of a sink, one JSON value a line.
func (c resultsCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	return told(r.Results(ctx, id, c.Node, std.out))
}
