package tap_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/tap"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/recipe"
)

const job recipe.JobID = "j1"

// jobs is one job, in the state that a test says.
type jobs struct {
	mu    sync.Mutex
	job   coordinator.Job
	spec  coordinator.Spec
	asked func() // not nil: called once, when the job is asked for next
}

func (j *jobs) Job(id recipe.JobID) (coordinator.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if f := j.asked; f != nil {
		j.asked = nil
		f()
	}
	if id != job || j.job.ID == "" {
		return coordinator.Job{}, coordinator.Faultf(coordinator.Unknown, "no such job: %s", id)
	}
	return j.job, nil
}

func (j *jobs) Spec(context.Context, recipe.JobID) (*coordinator.Spec, error) { return &j.spec, nil }

func (j *jobs) is(s recipe.JobState, w coordinator.Want) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.job.State, j.job.Want = s, w
}

// ends makes the job come into a state when it is asked for next, and publishes just before.
func (j *jobs) ends(s recipe.JobState, publish func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = func() {
		publish()
		j.job.State, j.job.Want = s, coordinator.WantStop
	}
}

func (j *jobs) deleted() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.job.ID = ""
}

// world is a job with two edges, on a server of its own.
type world struct {
	t    *testing.T
	conn *bus.Conn // the coordinator's
	jobs *jobs
	taps *tap.Taps
}

func newWorld(t *testing.T, conn *bus.Conn) *world {
	t.Helper()
	return newWorldOf(t, conn, 1)
}

// newWorldOf has the edges on so many servers.
func newWorldOf(t *testing.T, conn *bus.Conn, replicas int) *world {
	t.Helper()
	step := func(node string, out ...recipe.EdgeID) recipe.Step {
		s := recipe.Step{Node: node, Out: out}
		if out != nil {
			s.Outputs = []recipe.PortType{{Name: "out", Type: recipe.String}}
		}
		return s
	}
	edge := func(id recipe.EdgeID, from int) recipe.Edge {
		return recipe.Edge{ID: id, From: from, To: 2, Type: recipe.String, Subject: "sluice.{job}." + string(id)}
	}
	w := &world{t: t, conn: conn, jobs: &jobs{
		job: coordinator.Job{ID: job, Want: coordinator.WantRun, Status: coordinator.Status{State: recipe.JobRunning}},
		spec: coordinator.Spec{Job: job, Plan: &recipe.Plan{
			Steps: []recipe.Step{step("box/a", "e1"), step("box/b", "e2"), step("end")},
			Edges: []recipe.Edge{edge("e1", 0), edge("e2", 1)}}}}}
	ensure(t, conn, bus.StreamConfig{Name: "EDGES", Subjects: []string{"sluice.j1.e1", "sluice.j1.e2"}, WorkQueue: true, MaxMsgsPerSubject: 2, DiscardNew: true, Replicas: replicas})
	w.taps = tap.New(tap.Config{Conn: conn, Jobs: w.jobs})
	t.Cleanup(w.taps.Close)
	return w
}

func ensure(t *testing.T, c *bus.Conn, s bus.StreamConfig) {
	t.Helper()
	if err := c.EnsureStream(bustest.Context(t), s); err != nil {
		t.Fatal(err)
	}
}

func publisher(t *testing.T, c *bus.Conn) *bus.Publisher {
	t.Helper()
	p, err := c.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// frame encodes records of one type as frame n.
func frame(n uint64, records ...nodes.Record) []byte {
	b := nodes.Batch{Type: recipe.String}
	if len(records) > 0 {
		b.Type = records[0].Type()
	}
	for _, r := range records {
		b.Append(r)
	}
	return bus.AppendFrame(nil, &bus.Header{Type: b.Type, N: n, Records: b.Len()}, b.Encoded())
}

// send publishes without a word of the stream.
func (w *world) send(edge string, frames ...[]byte) {
	w.t.Helper()
	for _, f := range frames {
		if err := w.conn.Send("sluice.j1."+edge, f); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reader reads the lines of a tap.
type reader struct {
	t     *testing.T
	lines *bufio.Reader
	ended chan error // of Write
	leave context.CancelFunc
}

// open taps over HTTP and reads the first line.
func (w *world) open(at string, s tap.Stream) *reader {
	w.t.Helper()
	open, err := w.taps.Open(bustest.Context(w.t), job, at)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &reader{t: w.t, ended: make(chan error, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.ended <- open.Write(w, req, s) }))
	w.t.Cleanup(server.Close)
	var ctx context.Context
	ctx, r.leave = context.WithCancel(bustest.Context(w.t))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { r.leave(); resp.Body.Close(); client.CloseIdleConnections() })
	r.lines = bufio.NewReader(resp.Body)
	if first := r.next(); len(first.Start) == 0 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		w.t.Fatalf("got %+v as %s, want the beginning of a tap", first, resp.Header.Get("Content-Type"))
	}
	return r
}

func (r *reader) next() (l coordinator.TapLine) {
	r.t.Helper()
	b, err := r.lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err != nil {
		r.t.Fatalf("%q: %v", b, err)
	}
	return l
}

// want reads records; what they are called stands before them.
func (r *reader) want(records ...string) {
	r.t.Helper()
	for _, want := range records {
		l := r.next()
		got := string(l.Record)
		if l.From != "" {
			got = l.From + ": " + got
		}
		if got != want {
			r.t.Fatalf("got %+v, want record %s", l, want)
		}
	}
}

// end reads the end.
func (r *reader) end(why coordinator.TapReason, records int) *coordinator.TapEnd {
	r.t.Helper()
	l := r.next()
	if l.End == nil || l.End.Why != why || l.End.Records != records || l.End.Text == "" {
		r.t.Fatalf("got %+v, %+v, want the end: %s, %d records", l, l.End, why, records)
	}
	if err := bustest.Wait(r.t, "the end of the answer", r.ended); err != nil {
		r.t.Error(err)
	}
	return l.End
}
