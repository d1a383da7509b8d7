package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOneTenantOneName: what is stored in an account is one project, by the name with which it was
// first started. Two names for it would be two projects that see each other's jobs.
func TestOneTenantOneName(t *testing.T) {
	t.Parallel()
	f := newFolder(t, nil)
	at := "coordinator --nats " + f.project().URL() + " --listen 127.0.0.1:0 --admin-keys keys"
	if err := os.Symlink("nats", filepath.Join(f.dir, "linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(f.dir, "copy"), os.DirFS(filepath.Join(f.dir, "nats", "blue"))); err != nil {
		t.Fatal(err)
	}
	for file := range strings.FieldsSeq("coordinator.nk control.nk") {
		if err := os.Chmod(filepath.Join(f.dir, "copy", file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(args string, want ...string) {
		t.Helper()
		r := f.must(3, "", at+args)
		for _, w := range want {
			if !strings.Contains(r.errs, w) || strings.Contains(r.out, "coordinator: ") {
				t.Errorf("%s: got %q and %q, want %q", args, r.errs, r.out, w)
			}
		}
	}
	for _, other := range []string{"nats/blue", "linked/blue", "./nats/blue/coordinator.nk"} {
		refused(" --projects blue=nats/blue --projects red="+other, "blue=nats/blue and red="+other, "nats setup")
	}
	p := f.start(at + " --projects blue=nats/blue")
	p.until("coordinator: http")
	p.signal(os.Interrupt)
	if code := p.exit(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	refused(" --projects red=nats/blue", "project red: ", "is project blue", "hint: name it blue")
	refused(" --projects blue=nats/blue --projects red=copy", "project red: ", "is project blue")
	f.start(at + " --projects blue=copy").until("coordinator: http")
	if _, err := os.Stat(filepath.Join(f.dir, "keys", "red.key")); err == nil {
		t.Error("the project that is none has a key")
	}
}
