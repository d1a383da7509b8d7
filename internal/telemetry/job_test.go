package telemetry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/coordinator/job"
	"sluice/coordinator/lead"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

const numbers = `
recipe: numbers
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  {kind: delay, from: lines, config: {duration: 100us}}
  ints:  {kind: parse_int, from: {node: slow, capacity: 1}}
  again: {kind: stumbles, from: ints, retry: {backoff: 1ms}}
  out:   {kind: file_writer, from: again, config: {path: out}}
`

// stumbles fails once at every 500th number, from 1.
func stumbles() nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: "stumbles", Category: "test", Summary: "Tests", Role: nodes.Stateless,
		In: []nodes.Port{{Name: "in", Type: recipe.Int}}, Out: []nodes.Port{{Name: "out", Type: recipe.Int}},
	}, func(struct{}, *nodes.Env) (any, error) { return &stumbling{}, nil })
}

type stumbling struct{ last int64 }

// Process implements nodes.Processor.
func (s *stumbling) Process(c *nodes.Call, r nodes.Record) error {
	if n := r.Int(); n%500 == 1 && n != s.last {
		s.last = n
		return errors.New("not at once")
	}
	c.Emit(r)
	return nil
}

type silent struct{}

func (silent) Emit(coordinator.Event) {}

// run runs f until the test ends, and waits for it.
func run(t *testing.T, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestJob runs a job on a real server: what worker and leader count and trace is what was done.
func TestJob(t *testing.T) {
	server, dir := bustest.Server(t), t.TempDir()
	const lines, bad = 2000, 40
	var in strings.Builder
	for i := range lines {
		if i%(lines/bad) == 0 {
			in.WriteString("abc\n")
		} else {
			fmt.Fprintln(&in, i)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte(in.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := all.Catalogue().With(stumbles())
	if err != nil {
		t.Fatal(err)
	}
	ctx, conn := bustest.Context(t), bustest.Connect(t, server)
	if err := job.EnsureJobs(ctx, conn, 1); err != nil {
		t.Fatal(err)
	}
	m := New("up", "v1")
	tracer, spans := recorded(t, 0)
	w, err := worker.New(worker.Config{Conn: conn, Catalogue: catalogue, Name: "w", Root: root, Meter: m.Worker(0)})
	if err != nil {
		t.Fatal(err)
	}
	run(t, w.Run)
	control, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	jobs := store.NewJobs(control)
	leader := lead.New(lead.Config{Name: "c", Control: control, Lease: 600 * time.Millisecond, Span: tracer.Span},
		lead.Project{Name: "default", Conn: conn, Jobs: jobs, Events: silent{}})
	if err := control.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	run(t, leader.Run)
	m.Connection("default", conn.Connected, conn.Reconnects)
	m.Coordinator(Coordinator{Leads: func(yield func(string, bool)) { yield("p", leader.Leads()) }})
	plan, faults := compile.Compile("r.yaml", []byte(numbers), compile.Options{Catalogue: catalogue, Frame: recipe.FrameLimits{Records: 10}})
	if plan == nil {
		t.Fatal(faults)
	}
	spec := &coordinator.Spec{Job: "one", Recipe: plan.Recipe, Source: numbers, Plan: plan, Created: time.Now().UTC(), Trace: submitted}
	if _, _, err := jobs.Submit(ctx, spec); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the job has succeeded", func() bool {
		j, err := jobs.Job("one")
		return err == nil && j.State == recipe.JobSucceeded
	})
	var got map[string]string
	bustest.Eventually(t, "no node is at work", func() bool {
		got = read(t, m)
		return got["sluice_worker_busy_nodes"] == "0"
	})
	holds(t, got, map[string]string{
		`sluice_step_records_total{kind="file_reader"}`:         fmt.Sprint(lines),
		`sluice_step_records_total{kind="parse_int"}`:           fmt.Sprint(lines),
		`sluice_step_records_total{kind="file_writer"}`:         fmt.Sprint(lines - bad),
		`sluice_step_dead_letters_total{kind="parse_int"}`:      fmt.Sprint(bad),
		`sluice_step_frames_total{kind="parse_int"}`:            got[`sluice_step_frames_total{kind="file_reader"}`],
		`sluice_step_commits_total{kind="delay"}`:               got[`sluice_step_frames_total{kind="file_reader"}`],
		`sluice_connection_state{project="default"}`:            "1",
		`sluice_connection_reconnects_total{project="default"}`: "0",
		`sluice_step_retries_total{kind="stumbles"}`:            "4",
		`sluice_leader_state{project="p"}`:                      "1",
	})
	if got[`sluice_step_refused_frames_total{kind="delay"}`] == "" {
		t.Error("an edge with room for one frame refused none")
	}
	var names []string
	bustest.Eventually(t, "the run is traced", func() bool {
		names = nil
		for _, s := range spans() {
			if s.SpanContext.TraceID().String() == submitted[3:35] {
				names = append(names, s.Name)
			}
		}
		return slices.Contains(names, "job run")
	})
	if !slices.Contains(names, "provision") {
		t.Errorf("got spans %q", names)
	}
}
