package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/bus/natsconf"
)

// project is a server of one project, as nats setup has configured it.
func (f *folder) project() *bus.Server {
	f.t.Helper()
	f.env = append(f.env, "SLUICE_CONTEXTS="+filepath.Join(f.dir, "contexts.yaml"))
	f.must(0, "", "nats setup nats --project blue --max-store 1GiB")
	return bustest.Start(f.t, bus.ServerConfig{Listen: "127.0.0.1:0", AccountsFile: filepath.Join(f.dir, "nats", natsconf.AccountsFile)})
}

// masterKey writes a file with a master key.
func (f *folder) masterKey(name, key string) {
	f.t.Helper()
	writeIn(f.t, f.dir, name, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(key, 32)))+"\n")
	if err := os.Chmod(filepath.Join(f.dir, name), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// TestWorkerStartsWrong: what a worker can't have is said before it works, and a key of another
// account is said to be that.
func TestWorkerStartsWrong(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	at := " --nats " + f.project().URL() + " --nats-nkey nats/blue/"
	for args, want := range map[string]string{
		"worker --root /nope" + at + "worker.nk":                        "there is no folder /nope",
		"worker --kinds nope_kind" + at + "worker.nk":                   "nope_kind",
		"up --data-dir other --listen 127.0.0.1:0 --root /nope":         "there is no folder /nope",
		"up --data-dir other --listen 127.0.0.1:0 --kinds=nope_kind,no": "nope_kind",
	} {
		r := f.must(3, "", args)
		if !strings.Contains(r.errs, want) || strings.Contains(r.errs, "works") || strings.Contains(r.out, "is up") {
			t.Errorf("%s: got %q and %q, want %q", args, r.errs, r.out, want)
		}
	}
	if r := f.must(4, "", "worker"+at+"../system.nk"); !strings.Contains(r.errs, "--nats-nkey names the project's worker.nk") {
		t.Errorf("system.nk: got %q", r.errs)
	}
	if r := f.must(3, "", "coordinator --listen 127.0.0.1:0 --projects default=nats/defalt"); !strings.Contains(r.errs, "projects: default=nats/defalt: no such file or directory; it names the project's folder") {
		t.Errorf("a project without a file: got %q", r.errs)
	}
	f.start("worker" + at + "coordinator.nk").until("more than a worker needs")
	w := f.start("worker" + at + "control.nk")
	w.until("nothing is worked on yet")
	w.until("worker.nk, not control.nk")
}

// TestOtherMasterKey: a coordinator whose key can't read the secrets does not start.
func TestOtherMasterKey(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	f.masterKey("a.key", "a")
	f.masterKey("b.key", "b")
	at := "coordinator --nats " + f.project().URL() + " --projects blue=nats/blue --listen 127.0.0.1:0 --admin-keys ."
	one := f.start(at + " --secret-key-file a.key")
	one.until("coordinator: http")
	f.must(0, f.read("blue.key"), "login "+one.address())
	f.must(0, "the-canary-value\n", "secrets set s")
	if r := f.must(3, "", at+" --secret-key-file b.key"); !strings.Contains(r.errs, "secret s of project blue is encrypted with master key") || strings.Contains(r.out, "coordinator: ") {
		t.Errorf("got %q, %q", r.errs, r.out)
	}
	f.start(at).until("has no master key")
}

// TestSecretsMissing: a recipe that names a secret which is not there is refused, and not its job's
// middle.
func TestSecretsMissing(t *testing.T) {
	t.Parallel()
	f := newFolder(t, remoteFiles)
	f.up("")
	f.steps([]step{
		{"submit keyed.yaml", "", 3, "", "hint: sluice secrets set api-key"},
		{"submit keyed.yaml --label a=b --label a=c", "", 3, "", "label a is given twice"},
		{"secrets set api-key", "the-canary-value\n", 0, "", ""},
		{"submit keyed.yaml -w", "", 0, "", "succeeded"},
		{"recipes save keyed.yaml", "", 0, "", ""},
		{"recipes diff keyed 1 latest", "", 0, "", ""},
		{"recipes diff keyed 1 last", "", 3, "", "want a number, or latest"},
		{"up --help", "", 0, "by default 127.0.0.1:8420", ""},
		{"worker --nats nats://127.0.0.1:1", "", 4, "", "is nats-server running there?"},
		{"config check", "", 3, "", "--for=coordinator|worker|up"},
	})
}
