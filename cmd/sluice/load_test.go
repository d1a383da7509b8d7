package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/recipe"
)

func TestLoadIsConfined(t *testing.T) {
	top := t.TempDir()
	t.Chdir(top)
	write(t, "secret.yaml", "secret")
	write(t, "in/top.yaml", "top")
	write(t, "in/sub/a.yaml", "a")
	write(t, "in/sub/b.yaml", "b")
	for link, to := range map[string]string{"in/out.yaml": "../secret.yaml", "in/away": "..", "in/fine.yaml": "sub/a.yaml"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file, root, from, ref string
		want, fault           string
	}{
		{"in/top.yaml", "in", "in/top.yaml", "./sub/a.yaml", "a", ""},
		{"in/top.yaml", "in", "in/sub/a.yaml", "b.yaml", "b", ""},
		{"in/top.yaml", "in", "in/sub/a.yaml", "../top.yaml", "top", ""},
		{"in/top.yaml", "in", "in/top.yaml", "fine.yaml", "a", ""},
		{"in/top.yaml", "in", "in/top.yaml", "../secret.yaml", "", "lies outside in"},
		{"in/top.yaml", "in", "in/sub/a.yaml", "../../secret.yaml", "", "lies outside in"},
		{"in/top.yaml", "in", "in/top.yaml", filepath.Join(top, "in/top.yaml"), "", "absolute"},
		{"in/top.yaml", "in", "in/top.yaml", "out.yaml", "", "escapes"},
		{"in/top.yaml", "in", "in/top.yaml", "away/secret.yaml", "", "escapes"},
		{"in/top.yaml", "in", "in/top.yaml", "sub", "", "not a regular file"},
		{"in/top.yaml", "in", "in/top.yaml", "none.yaml", "", "no such file"},
		{"in/top.yaml", "in", "in/top.yaml", "sub@3", "", "saved recipes need a server"},
		{"in/top.yaml", "in", "in/top.yaml", "NAME@latest", "", "recipe:./FILE.yaml"},
		{"in/top.yaml", ".", "in/top.yaml", "../secret.yaml", "secret", ""},
		// The recipe lies outside the root: its own folder confines.
		{"in/top.yaml", "in/sub", "in/top.yaml", "sub/a.yaml", "a", ""},
		{"in/top.yaml", "in/sub", "in/top.yaml", "../secret.yaml", "", "lies outside in"},
	} {
		l, err := openLoader(c.file, c.root)
		if err != nil {
			t.Fatal(err)
		}
		_, text, err := l.Load(c.from, c.ref)
		l.Close()
		if c.fault == "" && (err != nil || string(text) != c.want) {
			t.Errorf("%s from %s under %s: got %q, %v, want %q", c.ref, c.from, c.root, text, err, c.want)
		}
		if c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s from %s under %s: got %q, %v, want an error with %q", c.ref, c.from, c.root, text, err, c.fault)
		}
	}
}

func TestLoadIsBounded(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "top.yaml", "")
	if err := os.Truncate("top.yaml", recipe.MaxDocument*4); err != nil {
		t.Fatal(err)
	}
	l, err := openLoader("top.yaml", ".")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, text, err := l.Load("x.yaml", "top.yaml")
	if err != nil || len(text) != recipe.MaxDocument+1 {
		t.Errorf("got %d bytes, %v, want one more than a document may have", len(text), err)
	}
	if code, _, errs := call(t, engine{}, "validate", "top.yaml"); code != 2 || !strings.Contains(errs, "SL002") {
		t.Errorf("got %d, %s", code, errs)
	}
}
