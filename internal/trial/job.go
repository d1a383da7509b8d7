package trial

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/protocol"
	"sluice/internal/solo"
	"sluice/recipe"
)

// Job is one run of a recipe on a rig.
type Job struct {
	rig *Rig
	t   testing.TB

	ID     recipe.JobID
	Plan   *recipe.Plan
	Within time.Duration // the bound on a run; 0 is 3 minutes
	Show   func(recipe.Progress)

	Priority int // among the jobs of the rig
}

// Result is how a run ended.
type Result struct {
	recipe.Progress
	Fold protocol.Fold
	Dead []bus.DeadLetter // in the order in which they were stored
	t    testing.TB
	plan *recipe.Plan
}

// Change changes what a recipe is compiled with.
type Change func(*compile.Options)

// Frames bounds the records of a frame.
func Frames(n int) Change { return func(o *compile.Options) { o.Frame.Records = n } }

// Job compiles a recipe. Recipes that it includes by recipe:NAME are files of the rig.
func (r *Rig) Job(t testing.TB, text string, changes ...Change) *Job {
	t.Helper()
	o := compile.Options{Catalogue: r.config.Catalogue, Seed: 1, Load: func(_, ref string) (string, []byte, error) {
		b, err := os.ReadFile(filepath.Join(r.Dir, ref))
		return ref, b, err
	}}
	for _, c := range changes {
		c(&o)
	}
	plan, faults := compile.Compile("recipe.yaml", []byte(text), o)
	if plan == nil {
		t.Fatalf("the recipe does not compile: %v\n%.2000s", faults, text)
	}
	return &Job{rig: r, t: t, ID: solo.NewID(), Plan: plan}
}

// Run compiles a recipe and runs it to its end.
func (r *Rig) Run(t testing.TB, text string, changes ...Change) *Result {
	t.Helper()
	return r.Job(t, text, changes...).Run()
}

// File lays a file into the root.
func (r *Rig) File(name, content string) {
	r.t.Helper()
	path := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// Read returns a file of the root.
func (r *Rig) Read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Has reports whether there is such a file below the root.
func (r *Rig) Has(name string) bool {
	_, err := os.Stat(filepath.Join(r.Dir, name))
	return err == nil
}

// Lines returns the lines of a file of the root.
func (r *Rig) Lines(t testing.TB, name string) []string {
	t.Helper()
	s := r.Read(t, name)
	if s == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// Run runs the job until it rests or is at its end.
func (j *Job) Run() *Result {
	j.t.Helper()
	return j.Until(nil)
}

// Until is Run that brings the job to rest when stop is closed.
func (j *Job) Until(stop <-chan struct{}) *Result {
	j.t.Helper()
	return j.Under(job.Control{Stop: stop})
}

// Under is Run that does what control asks for.
func (j *Job) Under(control job.Control) *Result {
	j.t.Helper()
	within := 3 * time.Minute
	if j.Within > 0 {
		within = bustest.Within(j.Within)
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	c := &j.rig.config
	p, err := job.Run(ctx, job.Config{Conn: j.rig.Conn, Job: j.ID, Plan: j.Plan, AckWait: c.AckWait, Lease: c.Lease, Stall: c.Stall,
		Show: j.Show, Priority: j.Priority, Log: j.rig.log.Named("job")}, control)
	if err != nil {
		j.t.Errorf("the job did not end: %v\n%+v\n%s\n%s", err, p, j.waits(), j.Plan.Text())
	}
	return &Result{Progress: p, Fold: j.Fold(), Dead: j.dead(), t: j.t, plan: j.Plan}
}

// waits tells where a job stands still: how far its steps are, and what is stored.
func (j *Job) waits() string {
	fold := j.Fold()
	if fold.Steps == nil {
		return "nothing was folded"
	}
	text := ""
	edge, ord, missing := protocol.NewAccountant(j.Plan, fold, protocol.Rules{}).Missing()
	if missing {
		text = fmt.Sprintf("edge %s waits for frame %s\n", edge, ord)
	}
	for i := range fold.Steps {
		text += fmt.Sprintf("%s is at %v\n", j.Plan.Steps[i].Node, fold.Steps[i].Lanes)
	}
	for i := range j.Plan.Streams {
		name := j.Names().Fill(j.Plan.Streams[i].Name)
		state, err := j.rig.Conn.StreamState(context.Background(), name)
		text += fmt.Sprintf("%s holds %d messages from %d to %d (%v)\n", name, state.Msgs, state.First, state.Last, err)
		consumers, _ := j.rig.Conn.Consumers(context.Background(), name)
		for _, c := range consumers {
			state, err := j.rig.Conn.ConsumerState(context.Background(), name, c)
			text += fmt.Sprintf("  %s: %+v (%v)\n", c, state, err)
		}
	}
	return text
}

// Start is Until in the background.
func (j *Job) Start(stop <-chan struct{}) <-chan *Result {
	done := make(chan *Result, 1)
	go func() {
		defer close(done)
		done <- j.Until(stop)
	}()
	return done
}

// Names are the job's streams and subjects.
func (j *Job) Names() bus.Names { return bus.Names{Job: j.ID} }

// Fold reads the stored account of the job.
func (j *Job) Fold() protocol.Fold {
	j.t.Helper()
	var f protocol.Fold
	m, err := j.rig.Conn.Last(context.Background(), j.Names().State(), j.Names().Fold())
	if err != nil {
		return f
	}
	if err := bus.DecodeRecord(m.Data, &f); err != nil {
		j.t.Error(err)
	}
	return f
}

func (j *Job) dead() []bus.DeadLetter {
	j.t.Helper()
	all := []bus.DeadLetter{}
	err := j.rig.Conn.Scan(context.Background(), j.Names().Dead(), "", 0, func(m *bus.Stored) error {
		d := json.NewDecoder(strings.NewReader(string(m.Data)))
		for d.More() {
			var l bus.DeadLetter
			if err := d.Decode(&l); err != nil {
				return err
			}
			all = append(all, l)
		}
		return nil
	})
	if err != nil && !isGone(err) {
		j.t.Error(err)
	}
	return all
}
