package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/a_test.go", `package a
import "testing"
func FuzzOne(f *testing.F) {}
func FuzzNot(t *testing.T) {}
func TestNot(t *testing.T) {}
type s struct{}
func (s) FuzzMethod(f *testing.F) {}
`)
	write(t, dir, "a/testdata/skipped_test.go", "not Go at all")
	write(t, dir, ".hidden/x_test.go", "not Go at all")
	write(t, dir, "b/plain.go", "not Go at all")
	write(t, dir, "b/b_test.go", "package b\nimport \"testing\"\nfunc FuzzTwo(f *testing.F) {}\n")
	t.Chdir(dir)
	got, err := find(".")
	if err != nil {
		t.Fatal(err)
	}
	want := []target{{"./a", "FuzzOne"}, {"./b", "FuzzTwo"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestNotExecuted has a target that go test passes without an execution: that is a fault.
func TestNotExecuted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a_test.go", "package a\nimport \"testing\"\nfunc FuzzOne(f *testing.F) {}\nfunc FuzzTwo(f *testing.F) {}\n")
	t.Chdir(dir)
	var out strings.Builder
	err := run(time.Second, "", &out, func(x target, _ time.Duration) (execs, log string, err error) {
		return map[string]string{"FuzzOne": "12", "FuzzTwo": "0"}[x.name], "", nil
	})
	if err == nil || !strings.Contains(err.Error(), "FuzzTwo") || strings.Contains(err.Error(), "FuzzOne") || strings.Count(out.String(), "FAILED") != 1 {
		t.Errorf("got %v and\n%s", err, out.String())
	}
}

func TestIgnoreDeadline(t *testing.T) {
	exit := error(&exec.ExitError{})
	for _, c := range []struct {
		name, log string
		err, want error
	}{
		{"passed", "PASS", nil, nil},
		{"the fuzzer's own deadline", "--- FAIL: FuzzX\n    context deadline exceeded\n", exit, nil},
		{"a failing input", "context deadline exceeded\nFailing input written to testdata/x\n", exit, exit},
		{"a compile error", "syntax error", exit, exit},
	} {
		if got := ignoreDeadline(c.err, c.log); !errors.Is(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
