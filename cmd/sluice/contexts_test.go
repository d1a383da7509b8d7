package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestContextsAtOnce changes the contexts many times at once: no change is lost.
func TestContextsAtOnce(t *testing.T) {
	t.Setenv("SLUICE_CONTEXTS", filepath.Join(t.TempDir(), "deep", "contexts.yaml"))
	const n = 30
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := changeContexts(func(c *contexts) error {
				c.Contexts[fmt.Sprint("c", i)] = cluster{Server: "http://127.0.0.1:1"}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	c, err := readContexts()
	if err != nil || len(c.Contexts) != n {
		t.Errorf("got %d contexts, %v; want %d", len(c.Contexts), err, n)
	}
	want := errors.New("no")
	err = changeContexts(func(c *contexts) error { c.Current = "c1"; return want })
	if c, rerr := readContexts(); !errors.Is(err, want) || rerr != nil || c.Current != "" {
		t.Errorf("got %v, %v", err, rerr)
	}
}

// remembering submits where the contexts can't be written: the job's id is said all the same.
func remembering(f *folder) {
	file := strings.TrimPrefix(f.env[0], "SLUICE_CONTEXTS=") + ".lock"
	if err := os.Remove(file); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil { // keeps root out, too
		f.t.Fatal(err)
	}
	r := f.must(0, "", "submit slow.yaml")
	if id := strings.TrimSpace(r.out); !jobName.MatchString(id) || !strings.Contains(r.errs, "not remembered as @last") {
		f.t.Errorf("got stdout %q, stderr %q", r.out, r.errs)
	} else {
		f.must(0, "", "cancel "+id)
	}
	f.steps([]step{{"submit fails.yaml -w", "", 1, "", "not remembered as @last"}})
}

// TestContextMisspelt names what was meant, and where nothing is near, what there is.
func TestContextMisspelt(t *testing.T) {
	c := &contexts{Contexts: map[string]cluster{"local": {}, "far": {}}}
	for name, want := range map[string]string{"locla": "no context locla; did you mean local?", "up2x": "no context up2x; there are: far, local"} {
		if _, _, err := c.use(name); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
