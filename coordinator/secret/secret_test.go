package secret

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

func TestMain(m *testing.M) { bustest.Main(m) }

const canary = "correct horse battery staple"

// master returns a line of a key file.
func master(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, masterSize)) + "\n"
}

func keyring(t *testing.T, lines ...string) *Keyring {
	t.Helper()
	r, err := ParseKeyring([]byte(strings.Join(lines, "")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func open(t *testing.T, conn *bus.Conn, project string, keys *Keyring) *Secrets {
	t.Helper()
	ctx := bustest.Context(t)
	c, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s, err := New(Config{Control: c, Project: project, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func set(t *testing.T, s *Secrets, name, value string) {
	t.Helper()
	if _, err := s.Set(bustest.Context(t), name, value, "ann", nil); err != nil {
		t.Fatal(err)
	}
}

func family(t *testing.T, what string, err error, want coordinator.Family) {
	t.Helper()
	if got := coordinator.FamilyOf(err); got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Errorf("%s: the error tells the value", what)
	}
}

// TestSecrets sets, changes, lists and deletes; nothing that is stored tells the value.
func TestSecrets(t *testing.T) {
	conn, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	s := open(t, conn, "p", keyring(t, master(1)))
	set(t, s, "b.c..d-", "first value")
	set(t, s, "b.c..d-", canary)
	set(t, s, "a", canary)
	list := s.List()
	if len(list) != 2 || list[0].Name != "a" || list[1].Name != "b.c..d-" || list[0].By != "ann" || list[0].At.IsZero() {
		t.Errorf("got %+v", list)
	}
	if v, err := s.value(ctx, "b.c..d-"); err != nil || v != canary {
		t.Errorf("got %q, %v", v, err)
	}
	err := conn.Scan(ctx, store.Stream, "", 0, func(m *bus.Stored) error {
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))[:30]} {
			if bytes.Contains(m.Data, []byte(form)) {
				t.Errorf("%s holds the value", m.Subject)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, "a", nil, nil); err != nil {
		t.Fatal(err)
	}
	if list = s.List(); len(list) != 1 {
		t.Errorf("got %+v", list)
	}
	family(t, "delete again", s.Delete(ctx, "a", nil, nil), coordinator.Unknown)
	_, err = s.value(ctx, "a")
	family(t, "read what is deleted", err, coordinator.Unknown)
	set(t, s, "a", "another value")
	for name, value := range map[string]string{"": canary, "a b": canary, "1a": canary, strings.Repeat("a", 65): canary, "short": " ab \n", "empty": "", "bytes": "\xff\xfe\xfd\xfc"} {
		_, err := s.Set(ctx, name, value, "ann", nil)
		family(t, name, err, coordinator.Invalid)
	}
	_, err = s.Set(ctx, "large", strings.Repeat(canary, 2000), "ann", nil)
	family(t, "large", err, coordinator.TooLarge)
}

// TestBound moves what is stored to another name and another project, and changes it: it does
// not open.
func TestBound(t *testing.T) {
	conn, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	s := open(t, conn, "p", keyring(t, master(1)))
	set(t, s, "a", canary)
	rec, _, err := s.table.Read(ctx, keyOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.table.Create(ctx, keyOf("b"), rec); err != nil {
		t.Fatal(err)
	}
	_, err = s.value(ctx, "b")
	family(t, "another name", err, coordinator.Conflict)
	q := open(t, bustest.Conn(t, bustest.InProcess), "q", keyring(t, master(1)))
	if _, err := q.table.Create(ctx, keyOf("a"), rec); err != nil {
		t.Fatal(err)
	}
	_, err = q.value(ctx, "a")
	family(t, "another project", err, coordinator.Conflict)
	rec.Sealed[len(rec.Sealed)/2] ^= 1
	if _, err := s.table.Create(ctx, keyOf("c"), rec); err != nil {
		t.Fatal(err)
	}
	_, err = s.value(ctx, "c")
	family(t, "changed", err, coordinator.Conflict)
}

// TestRotation: a new master key writes, the old one reads until all is encrypted anew.
func TestRotation(t *testing.T) {
	conn, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	old := open(t, conn, "p", keyring(t, master(1)))
	for i := range 3 {
		set(t, old, fmt.Sprint("s", i), canary)
	}
	both := open(t, conn, "p", keyring(t, "# the new one\n", master(2), "\n", master(1)))
	set(t, both, "s1", canary+"!")
	_, err := old.value(ctx, "s1")
	family(t, "the old key reads what the new one wrote", err, coordinator.Unavailable)
	if n, err := both.Rekey(ctx); n != 2 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := both.Rekey(ctx); n != 0 || err != nil {
		t.Errorf("again: got %d, %v", n, err)
	}
	alone := open(t, conn, "p", keyring(t, master(2)))
	for i, want := range []string{canary, canary + "!", canary} {
		if v, err := alone.value(ctx, fmt.Sprint("s", i)); err != nil || v != want {
			t.Errorf("s%d: got %q, %v", i, v, err)
		}
	}
	for _, k := range alone.List() {
		if k.Key != alone.cfg.Keys.first || k.By != "ann" {
			t.Errorf("got %+v", k)
		}
	}
}

// TestKeyFile makes a key file once, and refuses what others can read or what is no key.
func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	a, err := EnsureKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
	if b, err := EnsureKeyring(path); err != nil || b.first != a.first {
		t.Errorf("another start has another key: %v", err)
	}
	for _, mode := range []os.FileMode{0o644, 0o660, 0o604} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKeyring(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: got %v", mode, err)
		}
	}
	for what, text := range map[string]string{"empty": "", "a comment": "# x\n", "short": "YWJj\n", "not base64": strings.Repeat("!", 44), "zeros": master(0),
		"a key and more": master(1) + "hunter2hunter2", "a long line": strings.Repeat("A", 1<<17)} {
		if _, err := ParseKeyring([]byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestOtherKeys: coordinators with different master keys are told of it, before a job is.
func TestOtherKeys(t *testing.T) {
	conn, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	a, b := open(t, conn, "p", keyring(t, master(1))), open(t, conn, "p", keyring(t, master(2)))
	for _, s := range []*Secrets{a, b} {
		if err := s.Check(); err != nil {
			t.Errorf("without secrets: %v", err)
		}
	}
	set(t, a, "s", canary)
	bustest.Eventually(t, "the other to know", func() bool { return b.Known("s") })
	_, err := b.Set(ctx, "t", canary, "ben", nil)
	family(t, "set with another key", err, coordinator.Conflict)
	late := open(t, conn, "p", keyring(t, master(2)))
	err = late.Check()
	family(t, "start with another key", err, coordinator.Conflict)
	if err == nil || !strings.Contains(err.Error(), a.cfg.Keys.first) || !strings.Contains(err.Error(), late.cfg.Keys.first) {
		t.Errorf("got %v, want both keys named", err)
	}
	if err := open(t, conn, "p", keyring(t, master(2), master(1))).Check(); err != nil {
		t.Errorf("with both keys: %v", err)
	}
	none := open(t, conn, "p", nil)
	family(t, "start without a key", none.Check(), coordinator.Conflict)
	_, err = none.Set(ctx, "t", canary, "ben", nil)
	family(t, "set without a key", err, coordinator.Conflict)
	if !none.Used() || len(none.List()) != 1 {
		t.Errorf("got %v", none.List())
	}
	if _, err := b.Set(ctx, "s", canary, "ben", nil); err != nil { // the lost one, anew
		t.Errorf("set anew: %v", err)
	}
}
