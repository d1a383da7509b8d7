package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/nodes"
	"sluice/recipe"
)

type tapCmd struct {
	jobArg
	At     string        `arg:"" name:"node" placeholder:"NODE[.PORT]" help:"Where: a node, a port of one, an included recipe, or an edge of the plan."`
	Output string        `short:"o" default:"text" enum:"text,json" help:"text, as run --tap prints, or json, as results does."`
	Limit  int           `default:"0" placeholder:"N" help:"Records to print, at most; 0 is no bound."`
	For    time.Duration `default:"1h" help:"How long to look, at most an hour."`
}

// Help is shown by tap --help.
func (tapCmd) Help() string {
	return `Records are printed as they pass, from now on, until the job ends or rests. Nobody waits for
a reader: what it is too slow for is left out, and stderr says how much.`
}

// longestTap is what --for can be.
const longestTap = time.Hour

// Run prints the records that pass an output of a job.
func (c tapCmd) Run(ctx context.Context, std streams) error {
	r, id, err := c.find()
	if err != nil {
		return err
	}
	ctx, release := signal.NotifyContext(ctx, endings()...)
	defer release()
	p := tapPrinter{out: std.out, err: std.err, json: c.Output == "json"}
	err = r.Tap(ctx, id, c.At, client.Tapping{Records: c.Limit, For: c.For}, p.take)
	if errors.Is(err, context.Canceled) {
		return exitError{code: codeInterrupted}
	}
	return told(err)
}

// tapPrinter prints the lines of a tap.
type tapPrinter struct {
	out, err io.Writer
	json     bool
	types    map[string]recipe.Type // of the outputs, by name
	only     recipe.Type            // of the one, where there is one
}

func (p *tapPrinter) take(l coordinator.TapLine) (err error) {
	switch {
	case l.Start != nil:
		p.types = map[string]recipe.Type{}
		for _, s := range l.Start {
			p.types[s.Name], p.only = s.Type, s.Type
		}
	case l.Record != nil && p.json && l.From == "":
		_, err = fmt.Fprintf(p.out, "%s\n", l.Record)
	case l.Record != nil && p.json:
		err = printJSON(p.out, coordinator.TapLine{From: l.From, Record: l.Record})
	case l.Record != nil && l.From == "":
		_, err = p.out.Write(append(textOf(p.only, l.Record), '\n'))
	case l.Record != nil:
		_, err = p.out.Write(append(append([]byte(l.From+": "), textOf(p.types[l.From], l.Record)...), '\n'))
	case l.End != nil && l.End.LeftOut.Any():
		_, err = fmt.Fprintf(p.err, "%s; left out: %s\n", visible(l.End.Text), amount(l.End.LeftOut))
	case l.End != nil:
		_, err = fmt.Fprintln(p.err, visible(l.End.Text))
	}
	return err
}

// amount is what was left out, in words.
func amount(g coordinator.TapGap) string {
	text := fmt.Sprintf("%d records in %d frames", g.Records, g.Frames)
	if g.Unknown {
		text += ", and what passed while the coordinator was cut off from the store"
	}
	return text
}

// textOf is the text form of a record of a type, given as JSON.
func textOf(t recipe.Type, value json.RawMessage) []byte {
	switch {
	case len(value) > 1 && value[0] == '"':
		text := nodes.AppendUnquoted(nil, value)
		if t != recipe.Bytes {
			return text
		}
		if raw, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
			return raw
		}
		return text
	case t == recipe.String && bytes.HasPrefix(value, []byte(`{"base64"`)):
		var raw struct {
			Base64 []byte `json:"base64"`
		}
		if json.Unmarshal(value, &raw) == nil {
			return raw.Base64
		}
	}
	return value
}
