package solo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
	"sluice/recipe"
)

// config lays out a folder with a file of lines, and a job that copies it slowly.
func config(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte(strings.Repeat("a line\n", 2000)), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	c := all.Catalogue()
	plan, faults := compile.Compile("r.yaml", []byte(`
recipe: copy
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  {kind: throttle, from: lines, config: {rate: 500, for: 1s}}
  out:   {kind: file_writer, from: slow, config: {path: out}}
`), compile.Options{Catalogue: c, Frame: recipe.FrameLimits{Records: 20}})
	if plan == nil {
		t.Fatal(faults)
	}
	return Config{Plan: plan, Catalogue: c, Root: root, Dir: filepath.Join(dir, "store")}
}

// TestStopAndResume stops a job, is refused without Resume, goes on with it, and finds it
// finished.
func TestStopAndResume(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := config(t)
	stop := make(chan struct{})
	stopped := false
	c.Stop = stop
	c.Show = func(p recipe.Progress) {
		if p.Read() > 100 && !stopped {
			stopped = true
			close(stop)
		}
	}
	p, err := Run(ctx, c)
	if err != nil || p.State != recipe.JobStopped {
		t.Fatalf("got %s, %v, want stopped", p.State, err)
	}
	c.Stop, c.Show = nil, nil
	if _, err := Run(ctx, c); !errors.As(err, new(*Unfinished)) {
		t.Errorf("got %v, want that a job is unfinished", err)
	}
	c.Resume = true
	again, err := Run(ctx, c)
	if err != nil || again.State != recipe.JobSucceeded || again.Job != p.Job {
		t.Fatalf("got %s of %s (%s), %v, want %s to succeed", again.State, again.Job, again.Reason, err, p.Job)
	}
	in, _ := c.Root.ReadFile("in")
	out, err := c.Root.ReadFile("out")
	if err != nil || string(in) != string(out) {
		t.Errorf("got %d bytes, %v, want %d", len(out), err, len(in))
	}
	if err := c.Root.Remove("out"); err != nil {
		t.Fatal(err)
	}
	if p, err := Run(ctx, c); err != nil || p.State != recipe.JobSucceeded {
		t.Errorf("a finished job: got %s, %v", p.State, err)
	}
	if _, err := c.Root.Stat("out"); err == nil {
		t.Error("a finished job wrote again")
	}
}
