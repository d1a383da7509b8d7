package sink

import (
	"context"
	"fmt"
	"io"

	"sluice/nodes"
	"sluice/recipe"
)

var printerKind = nodes.Define(nodes.Spec{
	Kind:      recipe.KindPrinter,
	Category:  "sink",
	Summary:   "Prints records to the job's console, a line each",
	Role:      nodes.Sink,
	In:        []nodes.Port{{Name: "in", Type: recipe.Any, Doc: "what to print, in its text form"}},
	Guarantee: "In order, unless `order` is `arrival`; after a crash the lines of the last frames may be printed twice.",
	Examples: []nodes.Example{
		{In: []any{"one", "", "two"}, Console: "one\n\ntwo\n"},
		{Doc: "Numbers in their shortest form", In: []any{2.0, 0.1}, Console: "2\n0.1\n"},
		{Doc: "JSON compact, but strings as they are", In: []any{nodes.JSON(`{"b": 1, "a": [1, 2]}`), nodes.JSON(`"text"`)}, Console: "{\"b\":1,\"a\":[1,2]}\ntext\n"},
	},
}, newPrinter)

type printerConfig struct {
	Prefix string `json:"prefix" doc:"text before each line" default:"" max:"256"`
	Order  string `json:"order" doc:"in_order: as the source had them; arrival: as they come, frame by frame, which is sooner" default:"in_order" enum:"in_order|arrival"`
}

type printer struct {
	out    io.Writer
	prefix string
	lines  []byte
}

func newPrinter(c printerConfig, env *nodes.Env) (any, error) {
	out := env.Console
	if out == nil {
		out = io.Discard // nobody watches
	}
	return &printer{out: out, prefix: c.Prefix}, nil
}

// Process implements nodes.Processor.
func (p *printer) Process(_ *nodes.Call, r nodes.Record) error {
	p.lines = append(p.lines, p.prefix...)
	p.lines = append(nodes.AppendText(p.lines, r), '\n')
	return nil
}

// Flush implements nodes.Flusher: a frame is one write.
func (p *printer) Flush(context.Context) error {
	if len(p.lines) == 0 {
		return nil
	}
	n, err := p.out.Write(p.lines)
	p.lines = append(p.lines[:0], p.lines[n:]...)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if cap(p.lines) > keepBuffer {
		p.lines = nil
	}
	return nil
}
