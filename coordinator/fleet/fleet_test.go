package fleet_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/coordinator/fleet"
	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

func TestMain(m *testing.M) { bustest.Main(m) }

// beat is that of the tests' workers: they are gone after three.
const beat = 200 * time.Millisecond

// yard is a server with a fleet that follows.
type yard struct {
	*fleet.Fleet
	t      *testing.T
	server *bus.Server
	url    string
	conn   *bus.Conn
	events chan coordinator.Event
	leads  atomic.Bool
	dir    string
	store  string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{t: t, events: make(chan coordinator.Event, 1000), dir: t.TempDir(), store: t.TempDir()}
	y.leads.Store(true)
	y.server = bustest.Start(t, bus.ServerConfig{Dir: y.store, Listen: bustest.FreePorts(t, 1)[0]})
	y.url = y.server.URL()
	y.conn = bustest.Dial(t, y.url)
	if err := job.EnsureJobs(bustest.Context(t), y.conn, 1); err != nil {
		t.Fatal(err)
	}
	y.Fleet = y.open(y.conn)
	return y
}

func (y *yard) open(conn *bus.Conn) *fleet.Fleet {
	y.t.Helper()
	f, err := fleet.Open(bustest.Context(y.t), fleet.Config{Conn: conn, Catalogue: all.Catalogue(), Leads: y.leads.Load,
		Emit: func(e coordinator.Event) { y.events <- e }})
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(f.Close)
	return f
}

// hired is a worker that can leave, or die.
type hired struct {
	conn  *bus.Conn
	leave func()
}

// hire starts a worker; change says what is special about it.
func (y *yard) hire(name string, change func(*worker.Config)) *hired {
	y.t.Helper()
	conn, err := bus.Dial(y.url, name)
	if err != nil {
		y.t.Fatal(err)
	}
	root, err := os.OpenRoot(y.dir)
	if err != nil {
		y.t.Fatal(err)
	}
	c := worker.Config{Conn: conn, Catalogue: all.Catalogue(), Name: name, Root: root,
		Announce: &worker.Announcement{Host: "h", Version: "1.2", Key: []byte{1, 2}, Beat: beat}}
	if change != nil {
		change(&c)
	}
	w, err := worker.New(c)
	if err != nil {
		y.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	left := false
	h := &hired{conn: conn, leave: func() {
		if left {
			return
		}
		left = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				y.t.Error(err)
			}
		case <-time.After(2 * worker.DrainWithin):
			y.t.Errorf("worker %s did not leave", name)
		}
		conn.Close()
		root.Close()
	}}
	y.t.Cleanup(h.leave)
	return h
}

func (y *yard) eventually(what string, holds func() bool) {
	y.t.Helper()
	bustest.Eventually(y.t, what, holds)
}

func (y *yard) here(names ...string) func() bool {
	return func() bool {
		var got []string
		for _, w := range y.Workers() {
			got = append(got, w.Name)
		}
		return fmt.Sprint(got) == fmt.Sprint(names)
	}
}

// event waits for an event with a text.
func (y *yard) event(text string) coordinator.Event {
	y.t.Helper()
	for {
		if e := bustest.Wait(y.t, "the event "+text, y.events); strings.Contains(e.Text, text) {
			return e
		}
	}
}

func plan(t *testing.T, text string, c *nodes.Catalogue) *recipe.Plan {
	t.Helper()
	p, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: c, Seed: 1})
	if p == nil {
		t.Fatal(faults)
	}
	return p
}

const simple = `
recipe: simple
nodes:
  lines: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: lines}
  hash:  {kind: md5_hash, from: up, pool: gpu}
  out:   {kind: file_writer, from: hash, config: {path: out}}
`

// TestComeAndGo has workers that join, leave, and die; what they said of their kinds stays.
func TestComeAndGo(t *testing.T) {
	y := newYard(t)
	p := plan(t, simple, all.Catalogue())
	if got := y.Missing(p); got != "no worker is here now" {
		t.Errorf("got %q", got)
	}
	var changes atomic.Int64
	y.Changed(func() { changes.Add(1) })
	a := y.hire("host.a/1", func(c *worker.Config) { c.Kinds = []string{"file_*", "to_uppercase"} })
	e := y.event("worker host.a/1 has joined")
	w, _ := e.Data.(coordinator.Worker)
	if w.Name != "host.a/1" || w.Host != "h" || w.PID != os.Getpid() || w.Version != "1.2" || string(w.Key) != "\x01\x02" || w.Concurrency != worker.Slots(0) || !w.Gates ||
		!w.Takes(recipe.PlanVersion, bus.FrameVersion) || len(w.Kinds) != 3 || e.Type != coordinator.EventWorker {
		t.Errorf("got %+v", e)
	}
	if got, want := y.Missing(p), "no worker of pool gpu serves kind md5_hash version 1 now (none of that pool is here)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	y.hire("b", func(c *worker.Config) { c.Pool, c.Kinds = "gpu", []string{"sha*"} })
	y.event("worker b has joined")
	if got, want := y.Missing(p), "no worker of pool gpu serves kind md5_hash version 1 now"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c := y.hire("c", func(c *worker.Config) { c.Pool, c.Kinds = worker.EveryPool, []string{"md5_hash"} })
	y.eventually("all is served", func() bool { return y.Missing(p) == "" })
	if changes.Load() < 3 {
		t.Errorf("got %d changes, want one for each worker", changes.Load())
	}

	a.leave()
	y.event("host.a/1 has left")
	y.eventually("one has left", y.here("b", "c"))
	if got := y.Missing(p); !strings.Contains(got, "no worker serves kind file_reader version 1 now") {
		t.Errorf("got %q", got)
	}
	c.conn.Close() // as a crash does
	began := time.Now()
	if e := y.event("worker c was not heard"); e.Level != coordinator.LevelWarning {
		t.Errorf("got %+v", e)
	}
	if took := time.Since(began); took < beat || took > bustest.Within(10*beat) {
		t.Errorf("a dead worker was missed after %v, want three beats of %v", took, beat)
	}
	y.eventually("one is here", y.here("b"))
	late := y.open(bustest.Dial(t, y.url))
	y.eventually("who comes late sees the one, too", func() bool { return len(late.Workers()) == 1 })
}

// TestOneTells looks that a coordinator that does not lead tells of nothing, and sees all.
func TestOneTells(t *testing.T) {
	y := newYard(t)
	y.leads.Store(false)
	a := y.hire("a", nil)
	y.eventually("it is here", y.here("a"))
	a.leave()
	y.eventually("it is gone", y.here())
	if len(y.events) > 0 {
		t.Errorf("got %+v", <-y.events)
	}
}

// TestServerAway stops the server for longer than workers live without a word: they are not
// taken for gone, but the one that has died meanwhile is, afterwards.
func TestServerAway(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.hire("stays", nil)
	dies := y.hire("dies", nil)
	y.eventually("both are here", y.here("dies", "stays"))
	y.server.Shutdown()
	dies.conn.Close()
	over := time.After(6 * beat)
	for waiting := true; waiting; {
		select {
		case <-over:
			waiting = false
		case <-time.After(beat / 4):
			if !y.here("dies", "stays")() {
				t.Fatalf("got %v while the server was away", y.Workers())
			}
		}
	}
	y.server = bustest.Start(t, bus.ServerConfig{Dir: y.store, Listen: y.url[len("nats://"):]})
	y.event("worker dies was not heard")
	w, err := y.Worker("stays")
	if err != nil {
		t.Fatal(err)
	}
	y.eventually("the other one is heard again", func() bool { now, err := y.Worker("stays"); return err == nil && now.Seen.After(w.Seen) })
	for len(y.events) > 0 {
		if e := <-y.events; strings.Contains(e.Text, "stays") && !strings.Contains(e.Text, "joined") {
			t.Errorf("got %+v", e)
		}
	}
}

// TestStartedAgain has two workers of one name, one after the other: the last words of the first
// don't take the second away.
func TestStartedAgain(t *testing.T) {
	y := newYard(t)
	first := y.hire("a", nil)
	y.event("a has joined")
	y.hire("a", nil)
	y.event("a was started again")
	first.leave()
	started := y.Workers()[0].Started
	y.eventually("another beat came", func() bool { w, err := y.Worker("a"); return err == nil && w.Seen.After(started.Add(3*beat)) })
	if _, err := y.Worker("b"); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("got %v, want a fault of the family unknown", err)
	}
}

// TestSameNameTwice tells, once, of two workers of one name that go on.
func TestSameNameTwice(t *testing.T) {
	y := newYard(t)
	y.hire("a", nil)
	y.event("a has joined")
	y.hire("a", nil)
	y.event("a was started again")
	y.event("a is there twice")
}
