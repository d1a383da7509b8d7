package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

var natsAddress = regexp.MustCompile(`more workers: sluice worker --nats (\S+) --nats-nkey (\S+)`)

// TestUpHasKeys dials the NATS server of up, on loopback: nobody comes in without a key, a
// worker's reaches nothing of the control plane, and a worker of another process that is started
// as up says serves.
func TestUpHasKeys(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	up := f.up("--nats-listen 127.0.0.1:0")
	up.until("more workers: ")
	told := natsAddress.FindStringSubmatch(up.out.String())
	if told == nil {
		t.Fatalf("got %q", up.out.String())
	}
	url, seed := told[1], filepath.Join(f.dir, told[2])
	for name, opts := range map[string][]bus.Option{"nobody": nil, "a guess": {bus.Token("x")}, "a name": {bus.User("admin", "admin")}} {
		if c, err := bus.Dial(url, "stranger", opts...); err == nil {
			c.Close()
			t.Errorf("%s was let in", name)
		}
	}
	if info, err := os.Stat(seed); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info, err)
	}
	c := bustest.Dial(t, url, bus.SeedFile(seed), bus.As(natsconf.Worker))
	ctx, cancel := context.WithTimeout(t.Context(), bustest.Timeout)
	defer cancel()
	for _, name := range []string{"SLUICE_CONTROL", "SLUICE_AUDIT", "SLUICE_EVENTS"} {
		if _, err := c.StreamState(ctx, name); !errors.Is(err, bus.ErrNoStream) {
			t.Errorf("a worker asks for %s: got %v, want that there is none for it", name, err)
		}
	}
	pub, err := c.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if out := pub.PutSync(short, bus.Put{Subject: "sluice.control.key.aaaaaaaaaaaa", Data: []byte("{}")}); out.Err == nil {
		t.Error("a worker wrote a key")
	}
	pub.Close()
	f.start("worker --nats " + url + " --nats-nkey " + told[2] + " --name outside").until("works")
	bustest.Eventually(t, "the worker to be listed", func() bool { return strings.Contains(f.must(0, "", "workers").out, "outside ") })
	if text := up.out.String() + up.errs.String() + url; strings.Contains(text, strings.TrimSpace(readFile(t, seed))) {
		t.Error("the seed is in the log")
	}
	if !strings.Contains(up.errs.String(), "NATS server") || !strings.Contains(up.errs.String(), "sync") {
		t.Errorf("got %s, want what the server keeps", up.errs.String())
	}
}

// TestUpHasTLS starts up with a certificate, which is NATS's, too.
func TestUpHasTLS(t *testing.T) {
	t.Parallel()
	authority := bustest.NewAuthority(t)
	mine := authority.Files("server")
	f := newFolder(t, nil)
	up := f.up("--nats-listen 127.0.0.1:0 --tls-listen-cert " + mine.Cert + " --tls-listen-key " + mine.Key)
	up.until("more workers: ")
	told := natsAddress.FindStringSubmatch(up.out.String())
	if told == nil || !strings.HasPrefix(told[1], "tls://") {
		t.Fatalf("got %q", up.out.String())
	}
	seed := filepath.Join(f.dir, told[2])
	if c, err := bus.Dial("nats"+strings.TrimPrefix(told[1], "tls"), "x", bus.SeedFile(seed)); err == nil {
		c.Close()
		t.Error("who does not know the authority was let in")
	}
	f.start("worker --nats " + told[1] + " --nats-nkey " + told[2] + " --tls-ca " + authority.CA).until("works")
}

// TestUpExposes refuses what others could listen to, or join.
func TestUpExposes(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"old/nats/jetstream/$G/streams/x": ""})
	mine := bustest.NewAuthority(t).Files("server")
	cluster := " --nats-listen 127.0.0.1:0 --cluster-name c --cluster-routes nats-route://127.0.0.1:1 --cluster-listen "
	secured := " --tls-listen-cert " + mine.Cert + " --tls-listen-key " + mine.Key
	for args, want := range map[string]string{
		"--data-dir d --nats-listen :0":                                  "NATS does not listen",
		"--data-dir d" + cluster + ":0":                                  "needs cluster-ca, too",
		"--data-dir d" + cluster + ":0" + secured:                        "the NATS cluster does not listen on :0 without TLS",
		"--data-dir d" + cluster + "127.0.0.1:0 --cluster-ca " + mine.CA: "cluster-ca needs tls-listen-cert",
		"--data-dir d --cluster-name c --cluster-listen :0":              "needs nats-listen",
		"--data-dir old": "stored before the server of up had accounts",
	} {
		if r := f.must(3, "", "up --listen 127.0.0.1:0 "+args); !strings.Contains(r.errs, want) {
			t.Errorf("%s: got %q, want %q in it", args, r.errs, want)
		}
	}
}

// TestUpCluster starts three servers that show each other certificates and a password, and a
// fourth that has another password: it is not one of them.
func TestUpCluster(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	authority := bustest.NewAuthority(t)
	ports := bustest.FreePorts(t, 4)
	start := func(name string, port int) *process {
		mine := authority.Files(name)
		return f.start("up --name " + name + " --data-dir " + name + " --listen 127.0.0.1:0 --nats-listen 127.0.0.1:0 --replicas 3 --cluster-name c --cluster-listen " + ports[port] +
			" --cluster-routes nats-route://" + ports[0] + ",nats-route://" + ports[1] + ",nats-route://" + ports[2] + " --cluster-ca " + authority.CA + " --tls-listen-cert " + mine.Cert + " --tls-listen-key " + mine.Key)
	}
	f.env = append(f.env, "SLUICE_CONTEXTS="+filepath.Join(f.dir, "contexts.yaml"))
	keys := filepath.Join(f.dir, "n1", "nats-keys")
	if _, err := natsconf.Own(keys, defaultProject); err != nil {
		t.Fatal(err)
	}
	if _, err := natsconf.RoutePassword(keys); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"n2", "n3"} { // as the page says
		if err := os.CopyFS(filepath.Join(f.dir, name, "nats-keys"), os.DirFS(keys)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(f.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var all []*process
	for i, name := range []string{"n1", "n2", "n3"} {
		all = append(all, start(name, i))
	}
	for _, p := range all {
		p.until("sluice is up: ")
	}
	start("n4", 3).until("Authorization Violation")
}
