package secret

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

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

const signs = `
recipe: signs
nodes:
  lines: {kind: file_reader, config: {path: in}}
  sign:  {kind: hmac, from: lines, config: {key: "${secret:signing.key}"}}
  out:   {kind: file_writer, from: sign, config: {path: out}}
`

// fleetOfOne is the fleet of one worker that serves everything.
type fleetOfOne struct{ source *Source }

func (f fleetOfOne) Announced(worker string, key []byte) bool {
	return worker == f.source.cfg.Worker && bytes.Equal(key, f.source.public[:])
}
func (fleetOfOne) Serves(string, *recipe.Step) bool { return true }

type quiet struct{}

func (quiet) Emit(coordinator.Event) {}

// locked is a buffer for logs and traffic.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(s))
}

// knocks is an asker whose first request is told of.
type knocks struct {
	Asker
	once  sync.Once
	asked chan struct{}
}

func (k *knocks) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	defer k.once.Do(func() { close(k.asked) })
	return k.Asker.Request(ctx, subject, data)
}

// goes runs a service until the test ends.
func goes(t *testing.T, what string, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := bustest.Wait(t, what+" to end", done); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
}

// TestJobWithSecret runs a job whose node needs a secret, with a coordinator that tells secrets
// only later. The job waits for it; its value is in no log, on no wire and in no store.
func TestJobWithSecret(t *testing.T) {
	server, ctx, dir := bustest.Server(t), bustest.Context(t), t.TempDir()
	logs, wire := &locked{}, &locked{}
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: logs})
	tap := bustest.Connect(t, server)
	for _, subject := range []string{"_INBOX.>", "sluice.control.>"} { // on those of requests it would be somebody who answers
		unsubscribe, err := tap.Subscribe(subject, func(subject string, data []byte) { _, _ = wire.Write(append([]byte(subject+" "), data...)) })
		if err != nil {
			t.Fatal(err)
		}
		defer unsubscribe()
	}
	conn := bustest.Connect(t, server)
	if err := job.EnsureJobs(ctx, conn, 1); err != nil {
		t.Fatal(err)
	}
	control, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	jobs := store.NewJobs(control)
	secrets, err := New(Config{Control: control, Project: "p", Keys: keyring(t, master(3))})
	if err != nil {
		t.Fatal(err)
	}
	leader := lead.New(lead.Config{Name: "c", Control: control, Log: log, Lease: 600 * time.Millisecond, History: time.Hour}, lead.Project{Name: "p", Conn: conn, Jobs: jobs, Events: quiet{}})
	if err := control.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	goes(t, "the leader", leader.Run)

	asker := bustest.Connect(t, server)
	asked := make(chan struct{})
	src, err := NewSource(SourceConfig{Bus: &knocks{Asker: asker, asked: asked}, Worker: "w", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	w, err := worker.New(worker.Config{Conn: asker, Catalogue: all.Catalogue(), Name: "w", Root: root, Secret: src.Secret, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	goes(t, "the worker", w.Run)

	want := ""
	mac := hmac.New(sha256.New, []byte(canary))
	text := ""
	for i := range 100 {
		line := fmt.Sprint("line ", i)
		text += line + "\n"
		mac.Reset()
		mac.Write([]byte(line))
		want += fmt.Sprintf("%x\n", mac.Sum(nil))
	}
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set(t, secrets, "signing.key", canary)
	plan, faults := compile.Compile("r.yaml", []byte(signs), compile.Options{Catalogue: all.Catalogue(), Seed: 1})
	if plan == nil {
		t.Fatal(faults)
	}
	if _, _, err := jobs.Submit(ctx, &coordinator.Spec{Job: "j", Recipe: "signs", Source: signs, Plan: plan, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	bustest.Wait(t, "the worker to ask", asked)
	s, err := NewServer(ServerConfig{Bus: conn, Secrets: secrets, Jobs: jobs, Workers: fleetOfOne{src}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	goes(t, "the server", s.Serve)
	bustest.Eventually(t, "the job has succeeded", func() bool {
		j, err := jobs.Job("j")
		if err == nil && j.State == recipe.JobFailed {
			t.Fatal(j.Reason)
		}
		return err == nil && j.State == recipe.JobSucceeded
	})
	if got, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || string(got) != want {
		t.Errorf("got %.200s, %v", got, err)
	}
	if logs.has(canary) || !logs.has("a worker was told secrets") {
		t.Error("a log holds the value, or does not say that it was told")
	}
	if wire.has(canary) || !wire.has(`"sealed"`) {
		t.Error("the value was on the wire, or nothing of it was captured")
	}
	streams, err := conn.Streams(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range streams {
		err := conn.Scan(ctx, name, "", 0, func(m *bus.Stored) error {
			if bytes.Contains(m.Data, []byte(canary)) {
				t.Errorf("%s holds the value", m.Subject)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
