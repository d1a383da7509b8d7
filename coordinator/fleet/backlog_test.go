package fleet_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/fleet"
	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

// backlog measures on a view of its own: one view does it every 5 s at most.
func (y *yard) backlog() map[string]int64 {
	y.t.Helper()
	f, err := fleet.Open(bustest.Context(y.t), fleet.Config{Conn: y.conn, Catalogue: all.Catalogue(), Project: "p"})
	if err != nil {
		y.t.Fatal(err)
	}
	defer f.Close()
	got, err := f.Backlog(bustest.Context(y.t))
	if err != nil {
		y.t.Fatal(err)
	}
	m := map[string]int64{}
	for _, b := range got {
		if b.Project != "p" {
			y.t.Errorf("got project %q", b.Project)
		}
		m[b.Kind+"@"+b.Pool] = b.Frames
	}
	return m
}

// TestBacklog counts what waits for a kind that nobody serves, and nothing of a job that rests.
func TestBacklog(t *testing.T) {
	y := newYard(t)
	y.write("in", strings.Repeat("line\n", 100))
	p := plan(t, `
recipe: waits
nodes:
  lines: {kind: file_reader, config: {path: in}}
  hash:  {kind: md5_hash, from: {node: lines, capacity: 7}, pool: gpu}
  out:   {kind: file_writer, from: hash, config: {path: out}}
`, all.Catalogue())
	p.Frame.Records = 1
	stop, done := make(chan struct{}), make(chan recipe.Progress, 1)
	go func() {
		end, err := job.Run(bustest.Context(t), job.Config{Conn: y.conn, Job: "waits", Plan: p}, job.Control{Stop: stop})
		if err != nil {
			t.Error(err)
		}
		done <- end
	}()
	y.eventually("the order to list the splits waits", func() bool { return y.backlog()["file_reader@"] == 1 })
	y.hire("a", func(c *worker.Config) { c.Kinds = []string{"file_*"} })
	edge := int64(p.Edges[0].Limit)
	y.eventually("the edge to hash is full", func() bool { b := y.backlog(); return b["md5_hash@gpu"] == edge && b["file_writer@"] == 0 })
	close(stop)
	bustest.Wait(t, "the job", done)
	if got := y.backlog(); len(got) != 0 {
		t.Errorf("got %v of a job that rests", got)
	}

	if why := y.Missing(p); why == "" { // a job that has not begun
		t.Error("the plan is served")
	}
	got, err := y.Backlog(bustest.Context(t))
	if want := (coordinator.Backlog{Kind: "md5_hash", Pool: "gpu", Frames: 1}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// TestBacklogOfManyAtRest has 1,000 jobs at rest: a measurement asks the server nothing.
func TestBacklogOfManyAtRest(t *testing.T) {
	y := newYard(t)
	p := plan(t, hashes, all.Catalogue())
	pub, err := y.conn.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	put := func(id recipe.JobID, state recipe.JobState) {
		t.Helper()
		data, err := bus.EncodeRecord(&bus.JobRecord{Job: id, State: state, Plan: p})
		if err != nil {
			t.Fatal(err)
		}
		if out := pub.PutSync(bustest.Context(t), bus.Put{Subject: bus.JobSubject(id), Data: data}); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	for i := range 1000 {
		put(recipe.JobID(fmt.Sprint("j", i)), recipe.JobPaused)
	}
	asks := func() int {
		t.Helper()
		asked := make(chan string, 1000)
		asking := bustest.Dial(t, y.url)
		f := y.open(asking)
		unsubscribe, err := y.conn.Subscribe("$JS.API.STREAM.INFO.>", func(subject string, _ []byte) { asked <- subject })
		if err != nil {
			t.Fatal(err)
		}
		defer unsubscribe()
		if err := y.conn.Flush(bustest.Context(t)); err != nil {
			t.Fatal(err)
		}
		for range 3 { // twice from what was measured
			if _, err := f.Backlog(bustest.Context(t)); err != nil {
				t.Fatal(err)
			}
		}
		const end = "$JS.API.STREAM.INFO.END"
		if err := asking.Send(end, nil); err != nil { // behind all that it asked: only so are they in order
			t.Fatal(err)
		}
		n := 0
		for bustest.Wait(t, "what was asked", asked) != end {
			n++
		}
		return n
	}
	if n := asks(); n > 0 {
		t.Errorf("the server was asked %d times for jobs at rest", n)
	}
	put("active", recipe.JobRunning)
	if n, want := asks(), 1+len(p.Streams); n != want { // its splits and its edges
		t.Errorf("the server was asked %d times for one active job, want %d", n, want)
	}
}
