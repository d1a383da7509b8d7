package natsconf_test

import (
	"os"
	"path/filepath"
	"strings"
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

// TestClusterConfiguration has the server read what a member of a cluster is told.
func TestClusterConfiguration(t *testing.T) {
	dir := t.TempDir()
	_, err := natsconf.Setup(dir, natsconf.Change{Projects: []string{"a"}, Server: natsconf.Server{Name: "n1",
		Cluster: natsconf.Cluster{Name: "c", Listen: "127.0.0.1:6222", Routes: []string{"nats-route://127.0.0.1:6223", "nats-route://127.0.0.1:6224"}}}})
	if err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(filepath.Join(dir, natsconf.ServerFile))
	if err != nil || opts.ServerName != "n1" || opts.Cluster.Name != "c" || len(opts.Routes) != 2 || !opts.SyncAlways {
		t.Errorf("got %+v, %v", opts, err)
	}
}

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
