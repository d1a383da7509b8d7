package natsconf_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// house is a server with two projects, a and b, configured by Setup.
type house struct {
	t      *testing.T
	dir    string
	server *bus.Server

	mu  sync.Mutex
	log strings.Builder // guarded by mu
}

// Write implements io.Writer: it takes the server's log.
func (h *house) Write(line []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(line)
}

// said reports whether the server has logged a text.
func (h *house) said(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.log.String(), text)
}

var small = natsconf.Limits{Store: 64 << 20, Memory: 4 << 20, Streams: 20, Consumers: 100}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	if _, err := natsconf.Setup(h.dir, natsconf.Change{Projects: []string{"a", "b"}, Limits: small}); err != nil {
		t.Fatal(err)
	}
	h.server = bustest.Start(t, bus.ServerConfig{Listen: "127.0.0.1:0", AccountsFile: filepath.Join(h.dir, natsconf.AccountsFile),
		Log: hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: h})})
	return h
}

// as connects with the seed of a project's role.
func (h *house) as(project string, r natsconf.Role) *bus.Conn {
	h.t.Helper()
	return bustest.Dial(h.t, h.server.URL(), bus.SeedFile(filepath.Join(h.dir, project, natsconf.SeedOf(r))), bus.As(r))
}

// put stores one message.
func put(t *testing.T, c *bus.Conn, subject, text string) {
	t.Helper()
	pub, err := c.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	if out := pub.PutSync(bustest.Context(t), bus.Put{Subject: subject, Data: []byte(text)}); out.Err != nil {
		t.Fatal(out.Err)
	}
}

func stream(t *testing.T, c *bus.Conn, name, subjects string) {
	t.Helper()
	err := c.EnsureStream(bustest.Context(t), bus.StreamConfig{Name: name, Subjects: []string{subjects}, MaxMsgsPerSubject: 1, AllowDirect: true})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWorkerMayNot tries what a worker has no right to: the server refuses it, and says so.
func TestWorkerMayNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, w := h.as("a", natsconf.Coordinator), h.as("a", natsconf.Worker)
	stream(t, c, "SLUICE_j_STATE", "sluice.j.state.>")
	stream(t, c, "SLUICE_CONTROL", "sluice.control.>") // of who keeps it in the same account
	put(t, c, "sluice.control.secret.x", "sealed")
	put(t, w, "sluice.j.state.lease.1", "mine")
	api := func(subject string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := w.Request(ctx, "$JS.API."+subject, []byte("{}"))
			return err
		}
	}
	hear := func(subject string) func(context.Context) error {
		return func(ctx context.Context) error {
			stop, err := w.Subscribe(subject, func(string, []byte) { t.Errorf("%s was heard", subject) })
			if err != nil {
				return err
			}
			defer stop()
			_ = c.Send("sluice.control.secret.x", []byte("sealed"))
			<-ctx.Done()
			return bus.ErrTimeout
		}
	}
	read := func(ctx context.Context) error {
		return w.Scan(ctx, "SLUICE_CONTROL", "", 0, func(*bus.Stored) error { return nil })
	}
	for subject, try := range map[string]func(context.Context) error{
		"$JS.API.STREAM.CREATE.MINE": func(ctx context.Context) error {
			return w.EnsureStream(ctx, bus.StreamConfig{Name: "MINE", Subjects: []string{"mine"}})
		},
		"$JS.API.STREAM.UPDATE.SLUICE_j_STATE":     api("STREAM.UPDATE.SLUICE_j_STATE"),
		"$JS.API.STREAM.DELETE.SLUICE_j_STATE":     func(ctx context.Context) error { return w.DeleteStream(ctx, "SLUICE_j_STATE") },
		"$JS.API.STREAM.PURGE.SLUICE_j_STATE":      func(ctx context.Context) error { return w.PurgeSubject(ctx, "SLUICE_j_STATE", "sluice.j.state.>") },
		"$JS.API.STREAM.MSG.DELETE.SLUICE_j_STATE": func(ctx context.Context) error { return w.DeleteSeq(ctx, "SLUICE_j_STATE", 1) },
		"$JS.API.STREAM.SNAPSHOT.SLUICE_j_STATE":   api("STREAM.SNAPSHOT.SLUICE_j_STATE"),
		"$JS.API.STREAM.MSG.GET.SLUICE_CONTROL": func(ctx context.Context) error {
			_, err := w.Latest(ctx, "SLUICE_CONTROL", "sluice.control.secret.x")
			return err
		},
		"$JS.API.DIRECT.GET.SLUICE_CONTROL": func(ctx context.Context) error { _, err := w.At(ctx, "SLUICE_CONTROL", 1); return err },
		"$JS.API.DIRECT.GET.SLUICE_CONTROL.sluice": func(ctx context.Context) error {
			_, err := w.Last(ctx, "SLUICE_CONTROL", "sluice.control.secret.x")
			return err
		},
		"$JS.API.CONSUMER.CREATE.SLUICE_CONTROL.":        read,
		"$JS.API.CONSUMER.CREATE.SLUICE_j_STATE\"":       api("CONSUMER.CREATE.SLUICE_j_STATE"),
		"$JS.API.CONSUMER.DURABLE.CREATE.SLUICE_CONTROL": api("CONSUMER.DURABLE.CREATE.SLUICE_CONTROL.x"),
		"Subject \"sluicejobs.j\"":                       func(ctx context.Context) error { _, err := w.Request(ctx, "sluicejobs.j", nil); return err },
		"Subject \"sluice.j.state.fold\"":                func(ctx context.Context) error { _, err := w.Request(ctx, "sluice.j.state.fold", nil); return err },
		"Subject \"sluice.control.secret.x\"":            func(ctx context.Context) error { _, err := w.Request(ctx, "sluice.control.secret.x", nil); return err },
		"Subject \"sluice.control.>\"":                   hear("sluice.control.>"),
		"Subject \"sluice.>\"":                           hear("sluice.>"),
		"Subject \"_INBOX.>\"":                           hear("_INBOX.>"),
		"Subject \">\"":                                  hear(">"),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if err := try(ctx); !errors.Is(err, bus.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want no answer", subject, err)
		}
		cancel()
		bustest.Eventually(t, "the server has refused "+subject, func() bool { return h.said(subject) })
	}
	if m, err := c.Latest(bustest.Context(t), "SLUICE_j_STATE", "sluice.j.state.lease.1"); err != nil || string(m.Data) != "mine" {
		t.Errorf("got %v, %v: something of it was done", m, err)
	}
}

// TestProjectsApart lets a project look for what another has stored, and publish to it.
func TestProjectsApart(t *testing.T) {
	h := newHouse(t)
	ctx := bustest.Context(t)
	b := h.as("b", natsconf.Coordinator)
	stream(t, b, "SLUICE_j_STATE", "sluice.j.state.>")
	put(t, b, "sluice.j.state.lease.1", "of b")
	stop, err := b.Subscribe("sluice.>", func(subject string, _ []byte) { t.Errorf("b has heard %s", subject) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := b.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for _, r := range []natsconf.Role{natsconf.Coordinator, natsconf.Worker} {
		a := h.as("a", r)
		if all, err := a.Streams(ctx, ""); err != nil || len(all) > 0 {
			t.Errorf("%s: got streams %v, %v", r, all, err)
		}
		if _, err := a.Latest(ctx, "SLUICE_j_STATE", "sluice.j.state.lease.1"); !errors.Is(err, bus.ErrNoStream) {
			t.Errorf("%s: got %v, want ErrNoStream", r, err)
		}
		if _, err := a.Request(ctx, "sluice.j.state.lease.1", []byte("of a")); !errors.Is(err, bus.ErrNobody) {
			t.Errorf("%s: got %v, want ErrNobody", r, err)
		}
	}
	if m, err := b.Latest(ctx, "SLUICE_j_STATE", "sluice.j.state.lease.1"); err != nil || string(m.Data) != "of b" {
		t.Errorf("got %v, %v", m, err)
	}
	control := h.as("b", natsconf.Control)
	if all, err := control.Streams(ctx, ""); err != nil || len(all) > 0 {
		t.Errorf("the control plane's account: got streams %v, %v", all, err)
	}
}

// TestServerWritesForNobody has the server answer a worker to the subject of a record of the
// control plane, and deliver there what the worker has stored. The server does so within an
// account, without asking for the worker's rights: that is why the control plane has its own.
func TestServerWritesForNobody(t *testing.T) {
	h := newHouse(t)
	ctx := bustest.Context(t)
	control := h.as("a", natsconf.Control)
	stream(t, control, "SLUICE_CONTROL", "sluice.control.>")
	put(t, control, "sluice.control.key.x", "a key")
	c := h.as("a", natsconf.Coordinator)
	stream(t, c, "SAME_ACCOUNT", "sluicejobs.*")
	seed := filepath.Join(h.dir, "a", natsconf.SeedOf(natsconf.Worker))
	opt, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	w, err := nats.Connect(h.server.URL(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	for _, to := range []string{"sluice.control.key.x", "sluicejobs.forged"} {
		if err := w.PublishRequest("$JS.API.STREAM.NAMES", to, nil); err != nil {
			t.Fatal(err)
		}
	}
	bustest.Eventually(t, "the server has written in the worker's account", func() bool {
		st, err := c.StreamState(ctx, "SAME_ACCOUNT")
		return err == nil && st.Msgs == 1
	})
	m, err := control.Latest(ctx, "SLUICE_CONTROL", "sluice.control.key.x")
	if err != nil || string(m.Data) != "a key" || m.Seq != 1 {
		t.Errorf("got %+v, %v: the worker has changed the control plane", m, err)
	}
}

// TestPreflightUnderRights finds nothing to refuse with the credentials of a coordinator.
func TestPreflightUnderRights(t *testing.T) {
	h := newHouse(t)
	for _, r := range []natsconf.Role{natsconf.Coordinator, natsconf.Control} {
		report, err := h.as("a", r).Preflight(bustest.Context(t), bus.Needs{})
		if err != nil || report.Refused() != nil || report.Replicas != 1 {
			t.Errorf("%s: got %+v, %v", r, report, err)
		}
	}
	if h.said("Violation") {
		t.Error("the server has refused something")
	}
}

// TestModes looks at the rights of what Setup has written.
func TestModes(t *testing.T) {
	h := newHouse(t)
	count := 0
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if got := st.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o, want %o", path, got, want)
		}
		count++
		return nil
	})
	if err != nil || count != 1+4+2*(1+4) {
		t.Errorf("got %d files and folders, %v", count, err)
	}
}
