package tap_test

import (
	"crypto/sha256"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/tap"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
	"sluice/nodes"
	"sluice/recipe"
)

// TestRights taps with the credentials that Setup has written for a coordinator, what a worker
// publishes with its own: nothing more is needed, nothing is taken from the stream, and a worker
// can't tap.
func TestRights(t *testing.T) {
	dir := t.TempDir()
	if _, err := natsconf.Setup(dir, natsconf.Change{Projects: []string{"a"}, Limits: natsconf.Limits{Store: 64 << 20, Memory: 4 << 20, Streams: 20, Consumers: 100}}); err != nil {
		t.Fatal(err)
	}
	server := bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", AccountsFile: filepath.Join(dir, natsconf.AccountsFile)})
	as := func(r natsconf.Role) *bus.Conn {
		return bustest.Dial(t, server.URL(), bus.SeedFile(filepath.Join(dir, "a", natsconf.SeedOf(r))), bus.As(r))
	}
	w, worker, ctx := newWorld(t, as(natsconf.Coordinator)), as(natsconf.Worker), bustest.Context(t)
	r := w.open("box/a", tap.Stream{})
	if out := publisher(t, worker).PutSync(ctx, bus.Put{Subject: "sluice.j1.e1", Data: frame(0, nodes.TextRecord("one"))}); out.Err != nil {
		t.Fatal(out.Err)
	}
	r.want(`"one"`)
	if s, err := w.conn.StreamState(ctx, "EDGES"); err != nil || s.Msgs != 1 {
		t.Errorf("got %+v, %v, want the frame in the stream still", s, err)
	}
	heard := make(chan []byte, 1)
	thief, err := worker.Tap("sluice.j1.e1", func(b []byte) { heard <- b })
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	w.send("e1", frame(1, nodes.TextRecord("two")))
	r.want(`"two"`)
	if err := worker.Flush(ctx); err != nil || len(heard) != 0 {
		t.Errorf("a worker has heard %d frames of an edge, %v", len(heard), err)
	}
}

// TestCluster taps on one server of a cluster what is published on each of the others, into a
// stream with three replicas.
func TestCluster(t *testing.T) {
	all := bustest.Cluster(t, 3, nil)
	w, ctx := newWorldOf(t, bustest.Dial(t, all[0].URL()), 3), bustest.Context(t)
	r := w.open("box/a", tap.Stream{})
	for n, server := range all {
		p, text := publisher(t, bustest.Connect(t, server)), string(rune('a'+n))
		seen, done := make(chan struct{}), make(chan struct{})
		go func() { // the server hears of the tap when it does; the stream takes two of these, and refuses the others
			defer close(done)
			for {
				p.PutSync(ctx, bus.Put{Subject: "sluice.j1.e1", Data: frame(uint64(n), nodes.TextRecord(text))})
				select {
				case <-seen:
					return
				default:
				}
			}
		}()
		r.want(`"` + text + `"`)
		close(seen)
		bustest.Wait(t, "the last publish", done)
	}
	if s, err := w.conn.StreamState(ctx, "EDGES"); err != nil || s.Msgs != 2 {
		t.Errorf("got %+v, %v, want the edge full", s, err)
	}
}

// TestRefusedFrames publishes a frame into a full edge until there is room: it is shown once.
func TestRefusedFrames(t *testing.T) {
	w, ctx := newWorld(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	r, p := w.open("box/a", tap.Stream{}), publisher(t, w.conn)
	refused := 0
	for n := range uint64(3) {
		for range 5 {
			if out := p.PutSync(ctx, bus.Put{Subject: "sluice.j1.e1", Data: frame(n, nodes.TextRecord(string(rune('a'+n))))}); errors.Is(out.Err, bus.ErrFull) {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Fatal("no frame was refused: the test is of no use")
	}
	w.send("e1", frame(3), frame(4, nodes.TextRecord("end")))
	r.want(`"a"`, `"b"`, `"c"`, `"end"`)
}

// TestValues shows records of all types as lines.
func TestValues(t *testing.T) {
	w, ctx := newWorld(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	names := bus.Names{Job: job}
	values, err := w.conn.Objects(ctx, bus.ObjectsConfig{Stream: names.Values(), Prefix: names.ValuesPrefix()})
	if err != nil {
		t.Fatal(err)
	}
	large := nodes.Batch{Type: recipe.String}
	large.Append(nodes.TextRecord(strings.Repeat("x", 2<<20)))
	if err := values.Put(ctx, "large", sha256.Sum256(large.Encoded()), large.Encoded()); err != nil {
		t.Fatal(err)
	}
	byName := func(n uint64, name string) []byte {
		return bus.AppendFrame(nil, &bus.Header{Type: recipe.String, N: n, Records: 1, Ref: true}, []byte(name))
	}
	r := w.open("box/a", tap.Stream{})
	w.send("e1",
		frame(0, nodes.TextRecord("a \"b\"\n"), nodes.StringRecord([]byte("\xff"))),
		frame(1, nodes.IntRecord(math.MinInt64)), frame(2, nodes.FloatRecord(2.5), nodes.FloatRecord(math.NaN())), frame(3, nodes.BoolRecord(true)),
		frame(4, nodes.BytesRecord([]byte{0})), frame(5, nodes.JSONRecord([]byte("{ \"a\": null }")), nodes.JSONRecord([]byte("null")), nodes.JSONRecord([]byte("\"\xff\""))),
		frame(6, nodes.TextRecord(strings.Repeat("packed", 10_000))), byName(7, "large"))
	r.want(`"a \"b\"\n"`, `{"base64":"/w=="}`, "-9223372036854775808", "2.5", `"NaN"`, "true", `"AA=="`, `{"a":null}`, "null", `{"base64":"Iv8i"}`,
		`"`+strings.Repeat("packed", 10_000)+`"`, `"`+strings.Repeat("x", 2<<20)+`"`)
	damaged := frame(8, nodes.TextRecord("damaged"))
	damaged[len(damaged)-1]++
	w.send("e1", damaged, byName(9, "gone"), []byte("no frame"), frame(10, nodes.TextRecord("end")))
	var left coordinator.TapGap
	for l := r.next(); l.Gap != nil; l = r.next() {
		left.Add(*l.Gap)
	}
	if want := (coordinator.TapGap{Frames: 3, Records: 2}); left != want {
		t.Errorf("left out: got %+v, want %+v", left, want)
	}
}

// TestWhere taps what a plan has names for.
func TestWhere(t *testing.T) {
	w, ctx := newWorld(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	for at, want := range map[string]string{"box/a": `"1"`, "box/a.out": `"1"`, "e1": `"1"`, "box": `box/a.out: "1"`} {
		r := w.open(at, tap.Stream{})
		w.send("e1", frame(0, nodes.TextRecord("1")))
		r.want(want)
		if at == "box" {
			w.send("e2", frame(0, nodes.TextRecord("2")))
			r.want(`box/b.out: "2"`)
		}
		r.leave()
	}
	for at, want := range map[string]string{"bux": "did you mean box?", "end": "puts nothing out", "box/a.in": "it has out", "e3": "it has box"} {
		if _, err := w.taps.Open(ctx, job, at); coordinator.FamilyOf(err) != coordinator.Unknown || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", at, err, want)
		}
	}
	if _, err := w.taps.Open(ctx, "j2", "end"); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("another job: got %v", err)
	}
}

// TestEnds lets taps end for all reasons that there are. What was published before the end is
// shown.
func TestEnds(t *testing.T) {
	w := newWorld(t, bustest.Conn(t, bustest.InProcess))
	r := w.open("box/a", tap.Stream{Records: 3, Heartbeat: time.Millisecond})
	if l := r.next(); l.Heartbeat.IsZero() {
		t.Errorf("got %+v, want a heartbeat", l)
	}
	r = w.open("box/a", tap.Stream{Records: 3})
	w.send("e1", frame(0, nodes.TextRecord("1"), nodes.TextRecord("2")), frame(1, nodes.TextRecord("3"), nodes.TextRecord("4")))
	r.want(`"1"`, `"2"`, `"3"`)
	r.end(coordinator.TapRecords, 3)
	w.open("box/a", tap.Stream{For: 50 * time.Millisecond}).end(coordinator.TapTime, 0)

	for state, want := range map[recipe.JobState]coordinator.TapReason{recipe.JobSucceeded: coordinator.TapJobOver, recipe.JobStopped: coordinator.TapAtRest} {
		w.jobs.is(recipe.JobRunning, coordinator.WantRun)
		r = w.open("box/a", tap.Stream{})
		w.send("e1", frame(0, nodes.TextRecord("1")))
		r.want(`"1"`)
		w.jobs.ends(state, func() {
			for n := range uint64(100) {
				w.send("e1", frame(n+1, nodes.TextRecord("last")))
			}
		})
		for range 100 {
			r.want(`"last"`)
		}
		if end := r.end(want, 101); end.Text != "job j1 is "+string(state) || end.LeftOut.Any() {
			t.Errorf("got %+v", end)
		}
		if _, err := w.taps.Open(bustest.Context(t), job, "box/a"); coordinator.FamilyOf(err) != coordinator.Conflict {
			t.Errorf("a tap of a job that is %s: got %v", state, err)
		}
	}
	// One that rests and is to go on does; when it rests again the tap ends.
	w.jobs.is(recipe.JobPaused, coordinator.WantRun)
	r = w.open("box/a", tap.Stream{Heartbeat: 300 * time.Millisecond})
	if l := r.next(); l.Heartbeat.IsZero() {
		t.Errorf("got %+v, want a heartbeat", l)
	}
	w.jobs.is(recipe.JobRunning, coordinator.WantRun)
	if l := r.next(); l.Heartbeat.IsZero() {
		t.Errorf("got %+v, want a heartbeat", l)
	}
	w.jobs.is(recipe.JobPaused, coordinator.WantRun)
	r.end(coordinator.TapAtRest, 0)

	w.jobs.is(recipe.JobRunning, coordinator.WantRun)
	r = w.open("box/a", tap.Stream{})
	w.jobs.deleted()
	if end := r.end(coordinator.TapJobOver, 0); end.Text != "job j1 was deleted" {
		t.Errorf("got %+v", end)
	}
}

// TestBounds opens as many taps as there may be, and ends all.
func TestBounds(t *testing.T) {
	w, ctx := newWorld(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	var open []*tap.Tap
	for range tap.MaxTaps - 1 {
		one, err := w.taps.Open(ctx, job, "box/a")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, one)
	}
	r := w.open("box/a", tap.Stream{})
	if _, err := w.taps.Open(ctx, job, "box/a"); coordinator.FamilyOf(err) != coordinator.OverLimit {
		t.Errorf("one too many: got %v", err)
	}
	for _, one := range open {
		one.Close()
		one.Close()
	}
	other := w.open("box/a", tap.Stream{})
	other.leave()
	_ = bustest.Wait(t, "the end of a tap whose reader is gone", other.ended) // what was written to nobody may not be known yet
	w.taps.Close()
	r.end(coordinator.TapClosed, 0)
	if _, err := w.taps.Open(ctx, job, "box/a"); coordinator.FamilyOf(err) != coordinator.Unavailable {
		t.Errorf("behind the end: got %v", err)
	}
}

// TestCutConnection loses the connection of a tap: it goes on, and says that it does not know what
// it has missed.
func TestCutConnection(t *testing.T) {
	server := bustest.ServerTCP(t)
	through, cut := bustest.Proxy(t, server.URL())
	steady := bustest.Connect(t, server)
	w := newWorld(t, bustest.Dial(t, through))
	r := w.open("box/a", tap.Stream{})
	w.send("e1", frame(0, nodes.TextRecord("before")))
	r.want(`"before"`)
	cut()
	if l := r.next(); l.Gap == nil || !l.Gap.Unknown {
		t.Errorf("got %+v, want a gap of an unknown size", l)
	}
	bustest.Eventually(t, "it is connected again", func() bool { return w.conn.Connected() && w.conn.Flush(bustest.Context(t)) == nil })
	if err := steady.Send("sluice.j1.e1", frame(1, nodes.TextRecord("behind"))); err != nil {
		t.Fatal(err)
	}
	r.want(`"behind"`)
}
