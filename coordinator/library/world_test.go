package library_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes/all"
)

// desk is one coordinator's view of a project.
type desk struct {
	*library.Library
	t    *testing.T
	ctx  context.Context
	jobs *store.Jobs

	control *store.Control
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, conn *bus.Conn, change ...func(*library.Config)) desk {
	t.Helper()
	ctx := bustest.Context(t)
	c, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	d := desk{t: t, ctx: ctx, jobs: store.NewJobs(c), control: c}
	config := library.Config{Project: "p", Control: c, Jobs: d.jobs, Catalogue: all.Catalogue, Now: func() time.Time { return noon }}
	for _, f := range change {
		f(&config)
	}
	d.Library = library.New(config)
	if err := c.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return d
}

func alone(t *testing.T, change ...func(*library.Config)) desk {
	t.Helper()
	return open(t, bustest.Conn(t, bustest.InProcess), change...)
}

func sent(t *testing.T, text string, files ...string) library.Source {
	t.Helper()
	beside := map[string]string{}
	for i := 0; i < len(files); i += 2 {
		beside[files[i]] = files[i+1]
	}
	s, err := library.Sent("", text, beside)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// save saves a recipe that must be sound, and returns its version.
func (d desk) save(name, text string, files ...string) int {
	d.t.Helper()
	v, _, err := d.Save(d.ctx, library.Saving{Name: name, Source: sent(d.t, text, files...), By: "ann"})
	if err != nil {
		d.t.Fatalf("save %s: %v", name, describe(err))
	}
	return v.Version
}

// fault checks an error's family and its text, diagnostics and hint included.
func fault(t *testing.T, what string, err error, family coordinator.Family, want string) {
	t.Helper()
	if got := coordinator.FamilyOf(err); got != family {
		t.Errorf("%s: got the family %q (%v), want %q", what, got, err, family)
	}
	if got := describe(err); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func describe(err error) string {
	if err == nil {
		return ""
	}
	lines := []string{err.Error()}
	if f, ok := err.(*coordinator.Fault); ok {
		if f.Hint != "" {
			lines[0] += "; " + f.Hint
		}
		for _, d := range f.Found {
			lines = append(lines, d.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Recipes of these tests.
const (
	upper  = "description: Upper case\ninputs: {in: {type: string}}\nnodes:\n  up: {kind: to_uppercase, from: inputs.in}\noutputs: {out: {from: up}}\n"
	hashed = "inputs: {in: {type: string}}\nnodes:\n  up: {kind: 'recipe:upper', from: inputs.in}\n  md5: {kind: md5_hash, from: up}\noutputs: {out: {from: md5}}\n"
	top    = "params: {n: {type: int, doc: how many}, name: {default: x}}\nnodes:\n  src: {kind: string_generator, config: {count: '${n}'}}\n  h: {kind: 'recipe:hashed@1', from: src}\n  out: {kind: printer, from: h}\n"
	plain  = "nodes:\n  src: {kind: string_generator, config: {count: 3}}\n  out: {kind: printer, from: src}\n"
)
