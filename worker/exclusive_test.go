package worker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// TestOneWriter: two paths may come to one file, which shows only where the files are.
func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"out", "other"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("out", filepath.Join(dir, "link")); err != nil {
		t.Skip("no symbolic links here")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	type config struct {
		To string `json:"to" doc:"a path"`
	}
	catalogue, err := nodes.NewCatalogue([]nodes.Kind{
		nodes.Define(nodes.Spec{Kind: "write", Exclusive: "to"}, func(config, *nodes.Env) (any, error) { return nil, nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"out/x", "link/x", true},
		{"out/new/x", "link/new/x", true},
		{"out/x", filepath.Join(dir, "out/x"), true},
		{"out/x", "${secret:folder}/x", true},
		{"out/x", "link/y", false},
		{"out/x", "other/x", false},
		{"out/new/x", "link/x", false},
		{"x", "out/x", false},
		{"../x", "../x", false}, // refused by the node itself
	} {
		w := &Worker{log: hclog.NewNullLogger(), cfg: Config{Catalogue: catalogue, Root: root, Secret: func(context.Context, recipe.JobID, string, string) (string, error) { return "link", nil }}}
		plan := &recipe.Plan{}
		for i, path := range []string{c.a, c.b} {
			plan.Steps = append(plan.Steps, recipe.Step{ID: i, Node: "n" + string(rune('a'+i)), Kind: "write", Version: 1, Config: []byte(`{"to":"` + path + `"}`)})
		}
		err := newJobRun(w, bus.JobRecord{Plan: plan}).oneWriter()
		if (err != nil) != c.same || err != nil && !strings.Contains(err.Error(), "node na and node nb would both write one file: "+c.a) {
			t.Errorf("%s and %s: got %v", c.a, c.b, err)
		}
	}
}
