package fleet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

func (y *yard) write(name, text string) {
	y.t.Helper()
	if err := os.WriteFile(filepath.Join(y.dir, name), []byte(text), 0o644); err != nil {
		y.t.Fatal(err)
	}
}

// run runs a plan in the background.
func (y *yard) run(id recipe.JobID, p *recipe.Plan) <-chan recipe.Progress {
	y.t.Helper()
	done := make(chan recipe.Progress, 1)
	go func() {
		end, err := job.Run(bustest.Context(y.t), job.Config{Conn: y.conn, Job: id, Plan: p, AckWait: 5 * time.Second}, job.Control{})
		if err != nil {
			y.t.Error(err)
		}
		done <- end
	}()
	return done
}

const hashes = `
recipe: hashes
nodes:
  lines: {kind: file_reader, config: {path: in}}
  hash:  {kind: md5_hash, from: lines}
  out:   {kind: file_writer, from: hash, config: {path: out}}
`

// TestRollingUpgrade has a job of a later build, in a form that the worker does not know: it
// leaves the job alone, says so, and a worker of the later build takes it.
func TestRollingUpgrade(t *testing.T) {
	y := newYard(t)
	y.write("in", "a\n")
	y.hire("old", nil)
	y.event("old has joined")
	p := plan(t, hashes, all.Catalogue())
	if why := y.Missing(p); why != "" {
		t.Fatal(why)
	}
	later := *p
	later.Version++
	p = &later
	if got, want := y.Missing(p), `no worker here now takes plans of version 2 with frames of version 1: worker old, of version "1.2", takes plans 1 and frames 1`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := y.Unserved(plan(t, hashes, all.Catalogue()), 7); !strings.Contains(got, "frames of version 7") {
		t.Errorf("got %q", got)
	}
	done := y.run("upgrade", p)
	e := y.event("leaves job upgrade to others")
	if e.Job != "upgrade" {
		t.Errorf("it is told of job %q, want that one", e.Job)
	}
	if !strings.Contains(e.Text, "its plan has version 2 of the form, and this worker takes 1") {
		t.Errorf("got %q", e.Text)
	}
	w, err := y.Worker("old")
	if err != nil || len(w.Refused) != 1 || w.Refused[0].Job != "upgrade" || w.Jobs != 0 {
		t.Errorf("got %+v, %v", w, err)
	}
	y.hire("new", func(c *worker.Config) {
		c.Formats = &bus.Formats{Frames: []int{1, 2}, Plans: []int{1, 2}}
		c.Announce.Version = "1.3"
	})
	if end := bustest.Wait(t, "the job", done); end.State != recipe.JobSucceeded {
		t.Errorf("got %+v", end)
	}
	y.eventually("nothing is refused any more", func() bool { w, err := y.Worker("old"); return err == nil && len(w.Refused) == 0 })
}

// TestMissingNamesVersions says which version of a kind is served instead.
func TestMissingNamesVersions(t *testing.T) {
	y := newYard(t)
	y.hire("a", nil)
	y.event("a has joined")
	p := plan(t, hashes, all.Catalogue())
	p.Steps[1].Version = 2
	if got, want := y.Missing(p), "no worker serves kind md5_hash version 2 now (version 1 is)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if y.Known("md5_hash", 2) || !y.Known("md5_hash", 1) {
		t.Error("kinds are known in versions that nobody has announced")
	}
}

type shoutConfig struct {
	Times  int      `json:"times" doc:"how loud" default:"1" min:"1" max:"9"`
	Only   []string `json:"only" doc:"what to shout" optional:"true"`
	Secret string   `json:"mark" doc:"the mark" default:"!"`
}

type shout struct{ c shoutConfig }

// Process implements nodes.Processor.
func (s shout) Process(c *nodes.Call, r nodes.Record) error {
	c.Emit(nodes.TextRecord(strings.ToUpper(r.Text()) + strings.Repeat(s.c.Secret, s.c.Times)))
	return nil
}

var shoutKind = nodes.Define(nodes.Spec{
	Kind: "shout", Version: 3, Category: "text", Summary: "Shouts", Role: nodes.Stateless,
	In:  []nodes.Port{{Name: "in", Type: recipe.String}},
	Out: []nodes.Port{{Name: "out", Type: recipe.String}},
}, func(c shoutConfig, _ *nodes.Env) (any, error) { return shout{c}, nil })

// TestKindsOfOthers has a worker with a kind that the coordinator's build does not have: once
// it was announced, recipes with it are checked, also when the worker is gone, and run.
func TestKindsOfOthers(t *testing.T) {
	y := newYard(t)
	y.write("in", "hi\nyou\n")
	text := `
recipe: loud
nodes:
  lines: {kind: file_reader, config: {path: in}}
  loud:  {kind: shout, from: lines, config: {times: 2}}
  out:   {kind: file_writer, from: loud, config: {path: out}}
`
	if _, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: y.Catalogue()}); !strings.Contains(faults.Error(), "unknown kind shout") {
		t.Errorf("got %v", faults)
	}
	theirs, err := all.Catalogue().With(shoutKind)
	if err != nil {
		t.Fatal(err)
	}
	first := y.hire("theirs", func(c *worker.Config) { c.Catalogue = theirs })
	y.eventually("the kind is known", func() bool { return y.Known("shout", 3) })
	first.leave()
	y.event("theirs has left")
	late := y.open(bustest.Dial(t, y.url)) // it was not there when the worker was
	p := plan(t, text, late.Catalogue())
	for bad, want := range map[string]string{
		"times: 2": "times: 10", "config: {times: 2}": "config: {times: 2, no: 1}", "from: lines, config: {times": "from: lines, field: x, config: {times",
	} {
		if p, _ := compile.Compile("r.yaml", []byte(strings.Replace(text, bad, want, 1)), compile.Options{Catalogue: late.Catalogue()}); p != nil {
			t.Errorf("%s was taken", want)
		}
	}
	if got, want := late.Missing(p), "no worker is here now"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	y.hire("ours", nil)
	y.event("ours has joined")
	y.eventually("it is missed", func() bool { return late.Missing(p) == "no worker serves kind shout version 3 now" })
	y.hire("theirs", func(c *worker.Config) { c.Catalogue, c.Kinds = theirs, []string{"shout"} })
	if end := bustest.Wait(t, "the job", y.run("loud", p)); end.State != recipe.JobSucceeded {
		t.Errorf("got %+v", end)
	}
	if got, err := os.ReadFile(filepath.Join(y.dir, "out")); string(got) != "HI!!\nYOU!!\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if got := y.Workers()[1].Kinds; len(got) != 1 || got[0] != (coordinator.KindVersion{Kind: "shout", Version: 3}) {
		t.Errorf("got %+v", got)
	}
}

// TestPatternsOfNothing refuses what would serve less than was meant.
func TestPatternsOfNothing(t *testing.T) {
	for pattern, want := range map[string]string{"md5hash": "did you mean md5_hash?", "zz*": "no kind that matches zz*", "[": "malformed"} {
		_, err := worker.New(worker.Config{Conn: &bus.Conn{}, Catalogue: all.Catalogue(), Name: "a", Kinds: []string{pattern}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", pattern, err, want)
		}
	}
}
