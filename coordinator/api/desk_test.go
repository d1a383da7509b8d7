package api_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/client"
	"sluice/coordinator/secret"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/nodes/all"
	"sluice/recipe"
)

// withSecrets gives a coordinator a master key.
func withSecrets(t testing.TB) func(*daemon.CoordinatorConfig) {
	return func(c *daemon.CoordinatorConfig) {
		var err error
		if c.SecretKeys, err = secret.EnsureKeyring(filepath.Join(t.TempDir(), "master.key")); err != nil {
			t.Fatal(err)
		}
	}
}

// failing is a recipe with records that are given up, and a file that is written.
const failing = `
recipe: failing
nodes:
  n:    {kind: integer_generator, config: {count: 3}}
  text: {kind: to_string, from: n}
  x:    {kind: regex_replace, from: text, config: {regex: '^.*$', replacement: x}}
  no:   {kind: parse_int, from: x}
  all:  {kind: printer, from: no}
  out:  {kind: file_writer, from: text, config: {path: out.txt}}
`

// worker starts one on the desk's server; stop brings it to rest.
func (d *desk) worker(log hclog.Logger) (stop func()) {
	w, err := daemon.NewWorker(daemon.WorkerConfig{Conn: d.conn, Catalogue: all.Catalogue(), Name: "w", Version: "test", Log: log})
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := bustest.Wait(d.t, "the worker's end", done); err != nil && ctx.Err() == nil {
			d.t.Error(err)
		}
	}
}

// over waits until a job has ended, and returns its state.
func (d *desk) over(c *client.Client, id recipe.JobID) (state recipe.JobState) {
	d.t.Helper()
	ctx := bustest.Context(d.t)
	bustest.Eventually(d.t, "the end of job "+string(id), func() bool {
		j, err := c.Job(ctx, id)
		state = j.State
		return err == nil && state.Final()
	})
	return state
}

// announce makes a worker known that serves nothing.
func (d *desk) announce(name string) { d.says(bus.WorkerRecord{Name: name}) }

// says has a worker say something.
func (d *desk) says(rec bus.WorkerRecord) {
	d.t.Helper()
	pub, err := d.conn.NewPublisher()
	if err != nil {
		d.t.Fatal(err)
	}
	defer pub.Close()
	if rec.Started.IsZero() {
		rec.Started = time.Now()
	}
	rec.Beat, rec.Formats = time.Hour, bus.ReadFormats()
	data, err := bus.EncodeRecord(rec)
	if err != nil {
		d.t.Fatal(err)
	}
	if out := pub.PutSync(bustest.Context(d.t), bus.Put{Subject: bus.WorkerSubject(rec.Name), Data: data}); out.Err != nil {
		d.t.Fatal(out.Err)
	}
}
