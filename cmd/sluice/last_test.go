package main

import (
	"fmt"
	"path/filepath"
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
