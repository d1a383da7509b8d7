package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sluice/recipe"
)

// TestLastOfServer keeps the last job of each coordinator that is named by its address alone.
func TestLastOfServer(t *testing.T) {
	t.Setenv("SLUICE_CONTEXTS", filepath.Join(t.TempDir(), "contexts.yaml"))
	t.Setenv("SLUICE_KEY", "slu_key")
	ask := func(server string) *remote {
		t.Helper()
		r, err := (&remoteFlags{Server: server}).open()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const one, other = "http://127.0.0.1:1001", "http://127.0.0.1:1002"
	if id, err := ask(one).job(lastJob); err == nil {
		t.Errorf("before any was submitted: got %s", id)
	}
	for server, id := range map[string]recipe.JobID{one: "abc", other: "def"} {
		if err := ask(server).submitted(id); err != nil {
			t.Fatal(err)
		}
	}
	for server, want := range map[string]recipe.JobID{one: "abc", one + "/": "abc", other: "def"} {
		if id, err := ask(server).job(lastJob); err != nil || id != want {
			t.Errorf("%s: got %s, %v, want %s", server, id, err, want)
		}
	}
	for n := range 2 * maxServers {
		if err := ask(fmt.Sprint("http://127.0.0.1:", 2000+n)).submitted("x"); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := readContexts(); err != nil || len(c.Servers) > maxServers {
		t.Errorf("got %d servers, %v", len(c.Servers), err)
	}
}

// TestLastOfKey keeps the last job of each key: that of another project is none of this one.
func TestLastOfKey(t *testing.T) {
	t.Setenv("SLUICE_CONTEXTS", filepath.Join(t.TempDir(), "contexts.yaml"))
	const server = "http://127.0.0.1:1001"
	token := func(prefix string) string { return "slu_" + prefix + "_" + strings.Repeat("A", 43) }
	red, blue := token("redredredred"), token("blueblueblue")
	err := changeContexts(func(c *contexts) error {
		c.Current, c.Contexts["c"] = "c", cluster{Server: server, Key: blue}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, flags := range []remoteFlags{{}, {Server: server}} {
		ask := func(key string) *remote {
			t.Helper()
			t.Setenv("SLUICE_KEY", key)
			r, err := flags.open()
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		for key, id := range map[string]recipe.JobID{red: "red1", blue: "blue1"} {
			if err := ask(key).submitted(id); err != nil {
				t.Fatal(err)
			}
		}
		for key, want := range map[string]recipe.JobID{red: "red1", blue: "blue1"} {
			if id, err := ask(key).job(lastJob); err != nil || id != want {
				t.Errorf("%+v: got %s, %v, want %s", flags, id, err, want)
			}
		}
		if id, err := ask(token("otherotherot")).job(lastJob); err == nil {
			t.Errorf("%+v: a key that has submitted nothing: got %s", flags, id)
		}
	}
	t.Setenv("SLUICE_KEY", "")
	if r, err := (&remoteFlags{}).open(); err != nil || r.last != "blue1" {
		t.Errorf("the context's own key: got %+v, %v", r, err)
	}
}
