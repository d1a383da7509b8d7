package natsconf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// TestWholeConfiguration starts a server of its own from nats.conf, as nats-server -c does, with
// TLS for clients, who show certificates: the seeds are good for it, and the limits hold.
func TestWholeConfiguration(t *testing.T) {
	authority, dir := bustest.NewAuthority(t), t.TempDir()
	mine := authority.Files("server")
	_, err := natsconf.Setup(dir, natsconf.Change{Projects: []string{"a"}, Limits: natsconf.Limits{Store: 1 << 20, Memory: 1 << 20, Streams: 2, Consumers: 3},
		Server: natsconf.Server{Listen: "127.0.0.1:-1", Cert: mine.Cert, Key: mine.Key, ClientCA: authority.CA}})
	if err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(filepath.Join(dir, natsconf.ServerFile))
	if err != nil {
		t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(bustest.Timeout) || !s.JetStreamEnabled() {
		t.Fatal("the server did not start")
	}
	url := "tls://" + s.Addr().String()
	c := bustest.Dial(t, url, bus.SeedFile(filepath.Join(dir, "a", "coordinator.nk")), bus.TLS(authority.Files("client")))
	stream(t, c, "ONE", "sluice.one.>")
	stream(t, c, "TWO", "sluice.two.>")
	err = c.EnsureStream(bustest.Context(t), bus.StreamConfig{Name: "THREE", Subjects: []string{"sluice.three.>"}})
	if err == nil || !strings.Contains(err.Error(), "maximum number of streams") {
		t.Errorf("got %v, want the limit on streams", err)
	}
	r, err := c.Preflight(bustest.Context(t), bus.Needs{System: bustest.Dial(t, url, bus.SeedFile(filepath.Join(dir, natsconf.SystemSeed)), bus.TLS(authority.Files("client")))})
	if err != nil || r.Limits.Streams != 2 || r.Limits.Consumers != 3 || r.Limits.Store != 1<<20 || r.Servers != 1 || !strings.Contains(r.Sync, "all that is acknowledged is on the disk") {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestClusterConfiguration starts two servers of one setup, with TLS between them, and one that
// was set up elsewhere: the two are one cluster, and the third is not let in.
func TestClusterConfiguration(t *testing.T) {
	authority, dir, other := bustest.NewAuthority(t), t.TempDir(), t.TempDir()
	ports := bustest.FreePorts(t, 3)
	var said *heard // of the server that was started last
	start := func(dir, name, listen string) *server.Server {
		mine := authority.Files(name)
		_, err := natsconf.Setup(dir, natsconf.Change{Projects: []string{"a"}, Limits: small, Server: natsconf.Server{Name: name, Listen: "127.0.0.1:-1", StoreDir: t.TempDir(), Cert: mine.Cert, Key: mine.Key,
			Cluster: natsconf.Cluster{Name: "c", Listen: listen, CA: authority.CA, Routes: []string{"nats-route://" + ports[0], "nats-route://" + ports[1]}}}})
		if err != nil {
			t.Fatal(err)
		}
		conf := filepath.Join(dir, natsconf.ServerFile)
		opts, err := server.ProcessConfigFile(conf)
		if err != nil || opts.ServerName != name || opts.Cluster.Name != "c" || len(opts.Routes) != 2 || !opts.SyncAlways {
			t.Fatalf("got %+v, %v", opts, err)
		}
		if err := os.Remove(conf); err != nil {
			t.Fatal(err)
		}
		opts.NoSigs = true
		s, err := server.NewServer(opts)
		if err != nil {
			t.Fatal(err)
		}
		said = &heard{}
		s.SetLoggerV2(said, false, false, false)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		return s
	}
	one, two := start(dir, "n1", ports[0]), start(dir, "n2", ports[1])
	start(other, "n3", ports[2])
	bustest.Eventually(t, "two servers are one cluster", func() bool { return one.NumRoutes() > 0 && two.NumRoutes() > 0 })
	bustest.Eventually(t, "the third to be refused", func() bool { return said.has("Authorization Violation") })
	for _, s := range []*server.Server{one, two} { // the third may count one of its own until it is told
		routes, err := s.Routez(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range routes.Routes {
			if r.RemoteName == "n3" {
				t.Errorf("%s has a route to one that was set up elsewhere", s.Name())
			}
		}
	}
}

// heard is a server's log.
type heard struct {
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (h *heard) has(text string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.lines, func(l string) bool { return strings.Contains(l, text) })
}

func (h *heard) add(format string, v ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, v...))
}

// Noticef and the others implement server.Logger.
func (h *heard) Noticef(format string, v ...any) { h.add(format, v...) }
func (h *heard) Warnf(format string, v ...any)   { h.add(format, v...) }
func (h *heard) Fatalf(format string, v ...any)  { h.add(format, v...) }
func (h *heard) Errorf(format string, v ...any)  { h.add(format, v...) }
func (h *heard) Debugf(format string, v ...any)  { h.add(format, v...) }
func (h *heard) Tracef(format string, v ...any)  { h.add(format, v...) }

// TestSetupAgain keeps keys, also where an earlier one came only half way, and names a file that
// is no seed without showing it.
func TestSetupAgain(t *testing.T) {
	dir := t.TempDir()
	seed := filepath.Join(dir, "a", natsconf.SeedOf(natsconf.Worker))
	setup := func() (*natsconf.Done, error) {
		return natsconf.Setup(dir, natsconf.Change{Projects: []string{"a"}})
	}
	if _, err := setup(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{natsconf.LimitsFile, natsconf.SeedOf(natsconf.Control)} {
		if err := os.Remove(filepath.Join(dir, "a", gone)); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := setup(); err != nil || len(done.Added) != 1 {
		t.Errorf("got %+v, %v", done, err)
	}
	if after, err := os.ReadFile(seed); err != nil || string(after) != string(before) {
		t.Errorf("the worker's key was not kept: %v", err)
	}
	if err := os.WriteFile(seed, []byte("SUNOTASEED"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := setup(); err == nil || !strings.Contains(err.Error(), seed) || strings.Contains(err.Error(), "NOTASEED") {
		t.Errorf("got %v, want the file named", err)
	}
}
