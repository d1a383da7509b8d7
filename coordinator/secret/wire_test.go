package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// office has one job, and workers that may or may not run its nodes.
type office struct {
	mu      sync.Mutex
	job     coordinator.Job
	plan    *recipe.Plan
	workers map[string][]byte   // the key of each
	serves  map[string][]string // the nodes of each
}

func (o *office) Job(id recipe.JobID) (coordinator.Job, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if id != o.job.ID {
		return coordinator.Job{}, coordinator.Faultf(coordinator.Unknown, "no such job: %s", id)
	}
	return o.job, nil
}

func (o *office) Spec(_ context.Context, id recipe.JobID) (*coordinator.Spec, error) {
	if _, err := o.Job(id); err != nil {
		return nil, err
	}
	return &coordinator.Spec{Job: id, Plan: o.plan}, nil
}

func (o *office) Announced(worker string, key []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Equal(o.workers[worker], key)
}

func (o *office) Serves(worker string, step *recipe.Step) bool {
	for _, node := range o.serves[worker] {
		if node == step.Node {
			return true
		}
	}
	return false
}

func newOffice() *office {
	return &office{job: coordinator.Job{ID: "j", Status: coordinator.Status{State: recipe.JobRunning}}, workers: map[string][]byte{},
		serves: map[string][]string{"w": {"hook", "plain"}},
		plan: &recipe.Plan{Secrets: []string{"letters"}, Steps: []recipe.Step{
			{Node: "hook", Config: []byte(`{"token":"${secret:token}"}`)},
			{Node: "other", Config: []byte(`{"token":"${secret:other}"}`)},
			{Node: "plain", Config: []byte(`{}`)},
		}}}
}

func (o *office) announce(s *Source) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.workers[s.cfg.Worker] = s.PublicKey()
}

func source(t *testing.T, asker Asker, worker string) *Source {
	t.Helper()
	s, err := NewSource(SourceConfig{Bus: asker, Worker: worker})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve answers until the test ends or stop is called.
func serve(t *testing.T, conn *bus.Conn, s *Secrets, o *office) (stop func()) {
	t.Helper()
	server, err := NewServer(ServerConfig{Bus: conn, Secrets: s, Jobs: o, Workers: o})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := bustest.Wait(t, "Serve to end", done); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// TestWire brings a secret to the node that names it, and no other; what was captured on the way
// does not tell it.
func TestWire(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	conn := bustest.Connect(t, server)
	var mu sync.Mutex
	var captured bytes.Buffer
	stop, err := bustest.Connect(t, server).Subscribe(">", func(subject string, data []byte) {
		mu.Lock()
		defer mu.Unlock()
		captured.WriteString(subject + " ")
		captured.Write(data)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s, o := open(t, conn, "p", keyring(t, master(1))), newOffice()
	set(t, s, "token", canary)
	set(t, s, "other", canary)
	set(t, s, "letters", canary)
	serve(t, conn, s, o)
	w := source(t, bustest.Connect(t, server), "w")
	o.announce(w)
	if v, err := w.Secret(ctx, "j", "hook", "token"); err != nil || v != canary {
		t.Fatalf("got %q, %v", v, err)
	}
	for what, row := range map[string]struct{ job, node, name, want string }{
		"a name of another node":      {"j", "hook", "other", "does not name secret"},
		"a node that it doesn't run":  {"j", "other", "other", "does not serve"},
		"a node that names none":      {"j", "plain", "token", "no node"},
		"no node":                     {"j", "", "letters", "no node"},
		"another job":                 {"k", "hook", "token", "no such job"},
		"a name that is not declared": {"j", "hook", "tok", "does not name secret"},
	} {
		v, err := w.Secret(ctx, recipe.JobID(row.job), row.node, row.name)
		if v != "" || err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %q, %v; want %q", what, v, err, row.want)
		}
	}
	if err := s.Delete(ctx, "token", nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Secret(ctx, "j", "hook", "token"); err == nil || err.Error() != "no such secret: token" {
		t.Errorf("got %v", err)
	}
	set(t, s, "token", canary)
	o.mu.Lock()
	o.job.State, o.job.Ended = recipe.JobFailed, time.Now()
	o.mu.Unlock()
	if _, err := w.Secret(ctx, "j", "hook", "token"); err != nil {
		t.Errorf("a job that has just failed: %v", err)
	}
	o.mu.Lock()
	o.job.Ended = time.Now().Add(-time.Hour)
	o.mu.Unlock()
	if _, err := w.Secret(ctx, "j", "hook", "token"); err == nil {
		t.Error("a job that failed an hour ago: it was told")
	}
	bustest.Eventually(t, "what was asked last is captured", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Count(captured.Bytes(), []byte(`"node":"hook"`)) >= 4
	})
	mu.Lock()
	defer mu.Unlock()
	if bytes.Contains(captured.Bytes(), []byte(canary)) {
		t.Error("the value was on the wire")
	}
}

// TestStranger: who asks with another key than the one announced, or in another's name, gets
// nothing that it can read.
func TestStranger(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	conn := bustest.Connect(t, server)
	s, o := open(t, conn, "p", keyring(t, master(1))), newOffice()
	set(t, s, "token", canary)
	stop := serve(t, conn, s, o)
	defer stop()
	asker := bustest.Connect(t, server)
	w, thief := source(t, asker, "w"), source(t, asker, "w")
	o.announce(w)
	if _, err := w.Secret(ctx, "j", "hook", "token"); err != nil {
		t.Fatal(err)
	}
	_, again, err := thief.once(ctx, "j", "hook", "token")
	if err == nil || !again || !strings.Contains(err.Error(), "announced this key") {
		t.Errorf("a key of its own: got %v", err)
	}
	thief.public = w.public // it knows that one
	if v, _, err := thief.once(ctx, "j", "hook", "token"); err == nil || v != "" || !strings.Contains(err.Error(), "not sealed") {
		t.Errorf("another's key: got %q, %v", v, err)
	}
	for what, body := range map[string]string{"nonsense": "x", "nothing": "", "a long one": strings.Repeat("x", maxAsk+1), "no names": `{"worker":"w","job":"j","node":"hook"}`} {
		data, err := asker.Request(ctx, bus.Names{Job: "j"}.Secrets(), []byte(body))
		var got answer
		if err != nil || json.Unmarshal(data, &got) != nil || got.Refused == "" || got.Sealed != nil {
			t.Errorf("%s: got %s, %v", what, data, err)
		}
	}
}

// replayer answers with what it was once answered.
type replayer struct {
	Asker
	mu   sync.Mutex
	data []byte
}

func (r *replayer) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.data != nil {
		return r.data, nil
	}
	got, err := r.Asker.Request(ctx, subject, data)
	r.data = got
	return got, err
}

// TestReplayedAnswer: an answer that was captured is good for its own request only.
func TestReplayedAnswer(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	conn := bustest.Connect(t, server)
	s, o := open(t, conn, "p", keyring(t, master(1))), newOffice()
	set(t, s, "token", canary)
	serve(t, conn, s, o)
	w := source(t, &replayer{Asker: bustest.Connect(t, server)}, "w")
	o.announce(w)
	bustest.Eventually(t, "it is answered", func() bool {
		_, _, err := w.once(ctx, "j", "hook", "token")
		if err != nil {
			w.cfg.Bus.(*replayer).data = nil
		}
		return err == nil
	})
	if v, _, err := w.once(ctx, "j", "hook", "token"); err == nil || v != "" || !strings.Contains(err.Error(), "another request") {
		t.Errorf("got %q, %v", v, err)
	}
}

// TestWaits: a worker waits while no coordinator is there, and until one has heard of it; it
// stops when its job does.
func TestWaits(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	conn := bustest.Connect(t, server)
	s, o := open(t, conn, "p", keyring(t, master(1))), newOffice()
	set(t, s, "token", canary)
	w := source(t, bustest.Connect(t, server), "w")
	if _, _, err := w.once(ctx, "j", "hook", "token"); !errors.Is(err, bus.ErrNobody) {
		t.Errorf("got %v", err)
	}
	short, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { _, err := w.Secret(short, "j", "hook", "token"); ended <- err }()
	cancel()
	if err := bustest.Wait(t, "the wait to end with its job", ended); err == nil {
		t.Error("it got a value from nobody")
	}
	got := make(chan string, 1)
	go func() {
		v, err := w.Secret(ctx, "j", "hook", "token")
		if err != nil {
			t.Error(err)
		}
		got <- v
	}()
	serve(t, conn, s, o)
	bustest.Eventually(t, "it is refused", func() bool {
		_, _, err := w.once(ctx, "j", "hook", "token")
		var no refusal
		return errors.As(err, &no)
	})
	o.announce(w)
	if v := bustest.Wait(t, "the value", got); v != canary {
		t.Errorf("got %q", v)
	}
}
