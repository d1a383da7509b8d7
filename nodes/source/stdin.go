package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/nodes"
	"sluice/recipe"
)

var stdinKind = nodes.Define(nodes.Spec{
	Kind:      recipe.KindStdin,
	Category:  "source",
	Summary:   "Reads the standard input of the job",
	Doc:       "Lines as file_reader reads them. One node of a job may read it.",
	Role:      nodes.Origin,
	Exclusive: "stdin",
	Out:       []nodes.Port{{Name: "out", Type: "T", Doc: "the lines (string), the text (string) or the values (json)"}},
	By:        map[string]nodes.TypeBy{"T": {Setting: "format", Types: map[string]recipe.Type{formatJSONLines: recipe.JSON}, Else: recipe.String}},
	Guarantee: "Can't be read again: what was read is kept in the job's input log, and the job goes on from there.",
	Examples: []nodes.Example{
		{Stdin: "one\ntwo", Out: []any{"one", "two"}},
		{
			Config: "format: json_lines", Stdin: "{\"id\":1}\n\nnull and void\n[2]\n",
			Out: []any{nodes.JSON(`{"id":1}`), nodes.JSON(`[2]`)}, Dead: []string{"stdin: the line at byte 10 is not valid JSON"},
		},
	},
}, newStdin)

type stdinConfig struct {
	Format string `json:"format" doc:"lines: a record per line; text: one record; json_lines: a JSON value per line" default:"lines" enum:"lines|text|json_lines"`
}

type stdin struct {
	format string
	in     io.Reader
}

func newStdin(c stdinConfig, env *nodes.Env) (any, error) {
	if env.Stdin == nil && !env.Checking {
		return nil, errors.New("this job has no standard input")
	}
	return &stdin{c.Format, env.Stdin}, nil
}

// Feed implements nodes.Feed. A standard input goes on where it was left, so nothing is
// to be skipped.
func (s *stdin) Feed(ctx context.Context, _ int64, emit func(nodes.Record) error, lose func(error) error) error {
	c := newCutter(s.in, s.format, "stdin", 0, 0)
	for ctx.Err() == nil {
		record, err := c.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case nodes.IsPermanent(err):
			err = lose(err)
		case err != nil:
			return fmt.Errorf("stdin: %w", err)
		default:
			err = emit(record)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
