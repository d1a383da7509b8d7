package lead_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/coordinator/job"
	"sluice/coordinator/lead"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

// seat is a coordinator of a cluster: it follows, and leads when it is its turn.
type seat struct {
	jobs   *store.Jobs
	leader *lead.Leader
	events chan coordinator.Event
	gone   chan recipe.JobID // those whose rest is forgotten
	leave  func()            // ends it as a crash does: without giving up its lease
}

// cluster is a server with coordinators and a worker.
type cluster struct {
	t      *testing.T
	server *bus.Server
	dir    string
	most   int // jobs that run at once; 0 is the default

	// history is that of the next coordinators, 0 for an hour; removed is their store.Jobs.Removed,
	// and forget is called before what their Project.Forget does.
	history time.Duration
	removed func(table string) error
	forget  func() error
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, server: bustest.Server(t), dir: t.TempDir()}
	if err := job.EnsureJobs(bustest.Context(t), bustest.Connect(t, c.server), 1); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) worker() {
	c.t.Helper()
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	w, err := worker.New(worker.Config{Conn: bustest.Connect(c.t, c.server), Catalogue: all.Catalogue(), Name: "w" + fmt.Sprint(time.Now().UnixNano()), Root: root})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	})
}

type emitter chan coordinator.Event

// Emit implements lead.Events.
func (e emitter) Emit(v coordinator.Event) {
	select {
	case e <- v:
	default:
	}
}

func (c *cluster) seat(missing func(*recipe.Plan) string) *seat {
	c.t.Helper()
	ctx := bustest.Context(c.t)
	conn := bustest.Connect(c.t, c.server)
	control, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		c.t.Fatal(err)
	}
	history, forget := cmp.Or(c.history, time.Hour), c.forget
	s := &seat{jobs: store.NewJobs(control), events: make(chan coordinator.Event, 1000), gone: make(chan recipe.JobID, 100)}
	s.jobs.Removed = c.removed
	s.leader = lead.New(lead.Config{Name: "c", Control: control, Lease: 600 * time.Millisecond, MaxRunning: c.most, History: history},
		lead.Project{Name: "default", Conn: conn, Jobs: s.jobs, Events: emitter(s.events), Missing: missing,
			Forget: func(_ context.Context, id recipe.JobID) error {
				if forget != nil {
					if err := forget(); err != nil {
						return err
					}
				}
				s.gone <- id
				return nil
			}})
	if err := control.Follow(ctx); err != nil {
		c.t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.leader.Run(run) }()
	s.leave = func() {
		conn.Close()
		cancel()
		<-done
	}
	c.t.Cleanup(func() {
		cancel()
		<-done
		control.Close()
	})
	return s
}

const upper = `
recipe: upper
nodes:
  lines: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: lines}
  slow:  {kind: delay, from: up, config: {duration: %s}}
  out:   {kind: file_writer, from: slow, config: {path: %s}}
`

func (c *cluster) spec(id, text string) *coordinator.Spec {
	c.t.Helper()
	plan, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: all.Catalogue(), Seed: 1, Frame: recipe.FrameLimits{Records: 10}})
	if plan == nil {
		c.t.Fatal(faults)
	}
	return &coordinator.Spec{Job: recipe.JobID(id), Recipe: plan.Recipe, Source: text, Plan: plan, Created: time.Now().UTC()}
}

func (c *cluster) submit(s *seat, id, text string) {
	c.t.Helper()
	if _, _, err := s.jobs.Submit(bustest.Context(c.t), c.spec(id, text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) write(name string, lines int) string {
	c.t.Helper()
	var b strings.Builder
	for i := range lines {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(b.String()), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return strings.ToUpper(b.String())
}

func (c *cluster) read(name string) string {
	b, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Error(err)
	}
	return string(b)
}

func (c *cluster) until(s *seat, id recipe.JobID, what string, holds func(coordinator.Job) bool) {
	c.t.Helper()
	bustest.Eventually(c.t, "job "+string(id)+" "+what, func() bool {
		j, err := s.jobs.Job(id)
		return err == nil && holds(j)
	})
}

func in(state recipe.JobState) func(coordinator.Job) bool {
	return func(j coordinator.Job) bool { return j.State == state }
}

func (c *cluster) order(s *seat, id recipe.JobID, w coordinator.Want) {
	c.t.Helper()
	if _, err := s.jobs.Order(bustest.Context(c.t), id, coordinator.Order{Want: w}, 0); err != nil {
		c.t.Fatal(err)
	}
}

// TestJobRuns submits to the coordinator that does not lead.
func TestJobRuns(t *testing.T) {
	c := newCluster(t)
	c.worker()
	a, b := c.seat(nil), c.seat(nil)
	want := c.write("in", 1000)
	c.submit(b, "one", fmt.Sprintf(upper, "0s", "out"))
	c.until(b, "one", "has succeeded", in(recipe.JobSucceeded))
	if c.read("out") != want {
		t.Error("the output is wrong")
	}
	if a.leader.Leads() == b.leader.Leads() {
		t.Error("not one of two leads")
	}
	j, err := a.jobs.Show(bustest.Context(t), "one")
	if err != nil || j.Progress == nil || len(j.Progress.Steps) != 4 || j.Started.IsZero() || j.Ended.IsZero() {
		t.Errorf("got %+v, %v", j, err)
	}
}

// TestRestAndGoOn pauses, resumes and cancels jobs at work.
func TestRestAndGoOn(t *testing.T) {
	c := newCluster(t)
	c.worker()
	s := c.seat(nil)
	want := c.write("in", 400)
	c.submit(s, "one", fmt.Sprintf(upper, "2ms", "out"))
	c.until(s, "one", "runs", in(recipe.JobRunning))
	for _, x := range []struct {
		want  coordinator.Want
		state recipe.JobState
	}{{coordinator.WantPause, recipe.JobPaused}, {coordinator.WantStop, recipe.JobStopped}} {
		began := time.Now()
		c.order(s, "one", x.want)
		c.until(s, "one", "is "+string(x.state), in(x.state))
		if d := time.Since(began); d > bustest.Within(2*time.Second) {
			t.Errorf("%s took %v", x.want, d)
		}
		c.order(s, "one", coordinator.WantRun)
		c.until(s, "one", "runs", in(recipe.JobRunning))
	}
	c.until(s, "one", "has succeeded", in(recipe.JobSucceeded))
	if c.read("out") != want {
		t.Error("the output is wrong")
	}

	c.submit(s, "two", fmt.Sprintf(upper, "20ms", "two"))
	c.until(s, "two", "runs", in(recipe.JobRunning))
	c.order(s, "two", coordinator.WantPause)
	c.until(s, "two", "is paused", in(recipe.JobPaused))
	c.order(s, "two", coordinator.WantCancel)
	c.until(s, "two", "is cancelled", in(recipe.JobCancelled))
	for _, id := range []recipe.JobID{"one", "two"} {
		c.order(s, id, coordinator.WantGone)
		bustest.Eventually(t, "it is deleted", func() bool { _, err := s.jobs.Job(id); return err != nil })
		if got := bustest.Wait(t, "what else is kept is forgotten", s.gone); got != id {
			t.Errorf("got %s, want %s", got, id)
		}
	}
	streams, err := bustest.Connect(t, c.server).Streams(bustest.Context(t), "SLUICE_")
	if err != nil || len(streams) != 2 {
		t.Errorf("got streams %v, %v; want those of the control plane and of jobs alone", streams, err)
	}
}

// TestLeaderDies ends the leader at work, without its giving up the lease: the other one goes
// on with the job.
func TestLeaderDies(t *testing.T) {
	c := newCluster(t)
	c.worker()
	a := c.seat(nil)
	bustest.Eventually(t, "the first leads", a.leader.Leads)
	b := c.seat(nil)
	want := c.write("in", 500)
	c.submit(a, "one", fmt.Sprintf(upper, "2ms", "out"))
	c.until(b, "one", "runs", in(recipe.JobRunning))
	a.leave()
	c.until(b, "one", "has succeeded", in(recipe.JobSucceeded))
	if c.read("out") != want {
		t.Error("the output is wrong")
	}
}

// TestEndIsToldAgain: a leader may die between the end of a job and the event of it. The next
// one tells of the end, too, as that which is to be stored once.
func TestEndIsToldAgain(t *testing.T) {
	c := newCluster(t)
	c.worker()
	a := c.seat(nil)
	bustest.Eventually(t, "the first leads", a.leader.Leads)
	b := c.seat(nil)
	c.write("in", 20)
	c.submit(a, "one", fmt.Sprintf(upper, "1us", "out"))
	c.until(b, "one", "has succeeded", in(recipe.JobSucceeded))
	j, err := b.jobs.Job("one")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*seat{a, b} {
		told := bustest.Wait(t, "an event", s.events)
		for told.Type != coordinator.EventState || told.Text == string(recipe.JobRunning) {
			told = bustest.Wait(t, "the event of the end", s.events)
		}
		if !told.Once || told.Text != string(recipe.JobSucceeded) || s == b && !told.At.Equal(j.Ended) {
			t.Errorf("got %+v", told)
		}
		if s == a { // not before: it would die between the end and its event
			a.leave()
		}
	}
}

// TestWaits shows a job that no worker serves: it waits, says why, and runs when one comes.
func TestWaits(t *testing.T) {
	c := newCluster(t)
	serve := make(chan struct{})
	s := c.seat(func(*recipe.Plan) string {
		select {
		case <-serve:
			return ""
		default:
			return "no worker serves kind to_uppercase now"
		}
	})
	c.write("in", 10)
	c.submit(s, "one", fmt.Sprintf(upper, "0s", "out"))
	c.until(s, "one", "says why it waits", func(j coordinator.Job) bool {
		return j.State == recipe.JobPending && strings.Contains(j.Waiting, "to_uppercase")
	})
	c.order(s, "one", coordinator.WantPause)
	c.until(s, "one", "is paused", func(j coordinator.Job) bool { return j.State == recipe.JobPaused && j.Waiting == "" })
	c.order(s, "one", coordinator.WantRun)
	c.until(s, "one", "is not paused any more, and says why it waits", func(j coordinator.Job) bool {
		return j.State == recipe.JobPending && strings.Contains(j.Waiting, "to_uppercase")
	})
	c.submit(s, "two", fmt.Sprintf(upper, "0s", "two"))
	c.order(s, "two", coordinator.WantCancel)
	c.until(s, "two", "is cancelled", in(recipe.JobCancelled))
	c.worker()
	close(serve)
	s.leader.Nudge()
	c.until(s, "one", "has succeeded", func(j coordinator.Job) bool { return j.State == recipe.JobSucceeded && j.Waiting == "" })
}

// TestStandsStill: a job that runs says so when its workers are lost, and when they are back.
func TestStandsStill(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var lost atomic.Bool
	s := c.seat(func(*recipe.Plan) string {
		if lost.Load() {
			return "no worker is here now"
		}
		return ""
	})
	c.worker()
	c.write("in", 400)
	c.submit(s, "one", fmt.Sprintf(upper, "5ms", "out"))
	c.until(s, "one", "runs", func(j coordinator.Job) bool { return j.State == recipe.JobRunning && j.Waiting == "" })
	lost.Store(true)
	c.until(s, "one", "says that it stands still", func(j coordinator.Job) bool {
		return j.State == recipe.JobRunning && j.Waiting == "no worker is here now"
	})
	lost.Store(false)
	c.until(s, "one", "goes on", func(j coordinator.Job) bool { return j.Waiting == "" })
	c.until(s, "one", "has succeeded", in(recipe.JobSucceeded))
}

// TestReplayKeeps deletes a job whose replay was written down at the same moment: that waits for
// the replay's end.
func TestReplayKeeps(t *testing.T) {
	t.Parallel()
	c, ctx := newCluster(t), bustest.Context(t)
	s := c.seat(func(*recipe.Plan) string { return "no worker is here" })
	c.submit(s, "one", fmt.Sprintf(upper, "0s", "out"))
	replay := c.spec("two", fmt.Sprintf(upper, "0s", "out"))
	replay.Parent = "one"
	if _, _, err := s.jobs.Submit(ctx, replay); err != nil {
		t.Fatal(err)
	}
	c.order(s, "one", coordinator.WantCancel)
	c.until(s, "one", "is cancelled", in(recipe.JobCancelled))
	control, err := store.Open(ctx, store.Config{Conn: bustest.Connect(t, c.server)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	orders := store.NewTable[coordinator.Order](control, "order")
	if err := control.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	// What Order refuses, as it was written by a coordinator that had not seen the replay.
	if _, err := orders.Change(ctx, "_.one", func(o *coordinator.Order) error { o.Want = coordinator.WantGone; return nil }); err != nil {
		t.Fatal(err)
	}
	c.until(s, "one", "is to be deleted", func(j coordinator.Job) bool { return j.Want == coordinator.WantGone })
	c.order(s, "two", coordinator.WantCancel)
	bustest.Eventually(t, "both have gone on", func() bool {
		_, gone := s.jobs.Job("one")
		two, err := s.jobs.Job("two")
		if gone != nil && (err != nil || !two.State.Final()) {
			t.Fatal("the job was deleted under its replay")
		}
		return gone != nil
	})
}
