package house

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// layer gives a package, or all below it when the name ends in /..., the packages of
// this module that its code may import. The first row that matches holds.
type layer struct {
	name string
	may  []string
}

var layers = []layer{
	{"recipe", nil},
	{"schemas", nil},
	{"nodes/...", []string{"recipe", "nodes/..."}},

	{"internal/protocol/...", []string{"recipe", "internal/protocol/..."}},
	{"internal/bus/...", []string{"recipe", "internal/protocol", "internal/bus/..."}},
	{"worker/...", []string{"recipe", "nodes/...", "internal/protocol", "internal/bus", "worker/..."}},

	{"coordinator/compile", []string{"recipe", "nodes", "schemas"}},
	{"coordinator/job", []string{"recipe", "nodes", "coordinator/compile", "internal/protocol", "internal/bus"}},

	{"coordinator", []string{"recipe"}},
	{"coordinator/store", []string{"recipe", "coordinator", "internal/bus"}},
	{"coordinator/lead", []string{"recipe", "coordinator", "coordinator/store", "coordinator/job", "internal/bus"}},
	{"coordinator/auth", []string{"recipe", "coordinator", "coordinator/store"}},
	{"coordinator/auth/authtest", nil},
	{"coordinator/audit", []string{"recipe", "coordinator", "internal/bus"}},
	{"coordinator/secret", []string{"recipe", "coordinator", "coordinator/store", "internal/bus"}},
	{"coordinator/events", []string{"recipe", "coordinator", "coordinator/store", "internal/bus"}},
	{"coordinator/events/live", []string{"recipe", "coordinator", "coordinator/events"}},
	{"coordinator/library", []string{"recipe", "nodes", "coordinator", "coordinator/store", "coordinator/compile"}},
	{"coordinator/fleet", []string{"recipe", "nodes", "coordinator", "coordinator/store", "internal/bus"}},
	{"coordinator/tap", []string{"recipe", "nodes", "coordinator", "internal/bus"}},
	{"coordinator/files", []string{"recipe", "coordinator", "coordinator/store", "internal/bus"}},
	{"coordinator/api", []string{"recipe", "nodes", "schemas", "coordinator/...", "internal/bus", "internal/telemetry", "internal/endpoint"}},
	{"client", []string{"recipe", "coordinator"}},
	{"internal/daemon", []string{"recipe", "nodes", "worker", "coordinator", "coordinator/...", "internal/bus", "internal/endpoint", "internal/telemetry"}},
	{"internal/telemetry", []string{"recipe", "internal/endpoint"}},
	{"internal/endpoint", nil},

	{"coordinator/dead", []string{"recipe", "nodes", "coordinator", "coordinator/compile", "coordinator/job", "internal/bus"}},
	{"internal/solo", []string{"recipe", "nodes", "worker", "coordinator/job", "internal/bus"}},
	{"internal/progress", []string{"recipe"}},
	{"internal/layout", nil},
	{"internal/reference", []string{"recipe", "nodes"}},
	{"internal/binary", nil},  // builds and runs the binary for tests
	{"internal/figures", nil}, // what tests measured

	// Programs: they may import anything, and nothing may import them.
	{"cmd/...", []string{"..."}},
	{"internal/house", []string{"..."}},
	{"internal/docgen", []string{"..."}},
	{"internal/trial", []string{"..."}},
	{"internal/fuzzall", []string{"..."}},
	{"schemas/generate", []string{"..."}},
	{"examples/data/generate", nil},
	{"internal/bench/...", []string{"..."}},

	{"internal/images/context", []string{"internal/images"}},
	{"internal/images", nil}, // what deploy/Dockerfile copies

	// Tests alone.
	{"internal/contained", nil},
	{"internal/crash", nil},
	{"internal/faults", nil},
	{"internal/hostile", nil},
	{"internal/realdata", nil},
}

// imports from outside that are kept to a few packages.
var reserved = []struct {
	path string
	only []string
}{
	{"github.com/nats-io/", []string{"internal/bus/...", "coordinator/store", "internal/bench/..."}},
	{"github.com/alecthomas/kong", []string{"cmd/..."}},
	{"golang.org/x/term", []string{"cmd/..."}},
}

// pure packages do no I/O, start nothing and read no clock.
var pure = []string{"recipe", "coordinator/compile", "internal/protocol"}

func TestLayers(t *testing.T) {
	for _, src := range sources(t) {
		if src.Test {
			continue // tests may use what they need to build a world
		}
		row := slices.IndexFunc(layers, func(l layer) bool { return matches(l.name, src.Dir) })
		if row < 0 {
			t.Errorf("%s: package %s has no place in the table of layers", src.Path, src.Dir)
			continue
		}
		for _, path := range src.Imports() {
			if own, ok := strings.CutPrefix(path, Module+"/"); ok && !anyMatches(layers[row].may, own) {
				t.Errorf("%s: %s may not import %s", src.Path, src.Dir, own)
			}
		}
	}
}

// TestLayersOnce keeps the table readable: a second row for a package would do nothing.
func TestLayersOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range layers {
		if seen[l.name] {
			t.Errorf("%s is twice in the table of layers", l.name)
		}
		seen[l.name] = true
	}
}

func TestReservedImports(t *testing.T) {
	for _, src := range sources(t) {
		for _, path := range src.Imports() {
			for _, r := range reserved {
				if !src.Test && strings.HasPrefix(path, r.path) && !anyMatches(r.only, src.Dir) {
					t.Errorf("%s: only %s may import %s", src.Path, strings.Join(r.only, ", "), path)
				}
			}
			if src.Dir == "recipe" && !src.Test && strings.Contains(strings.Split(path, "/")[0], ".") &&
				path != "go.yaml.in/yaml/v3" {
				t.Errorf("%s: recipe imports the standard library and a YAML decoder only, not %s", src.Path, path)
			}
		}
	}
}

func TestPure(t *testing.T) {
	io := []string{"os", "os/exec", "os/signal", "net", "net/http", "log", "math/rand"}
	clock := map[string]bool{"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true,
		"AfterFunc": true, "NewTimer": true, "NewTicker": true, "Tick": true}
	for _, src := range sources(t) {
		if src.Test || !anyMatches(pure, src.Dir) {
			continue
		}
		for _, path := range src.Imports() {
			if slices.Contains(io, path) {
				t.Errorf("%s: %s is pure and may not import %s", src.Path, src.Dir, path)
			}
		}
		ast.Inspect(src.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: %s is pure and starts no goroutine", src.At(n), src.Dir)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && clock[n.Sel.Name] {
					t.Errorf("%s: %s is pure and reads no clock (time.%s)", src.At(n), src.Dir, n.Sel.Name)
				}
			}
			return true
		})
	}
}

func sources(t *testing.T) []*Source {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	all, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("got %d source files, want the whole module", len(all))
	}
	return all
}

func matches(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == prefix || strings.HasPrefix(dir, prefix+"/")
	}
	return dir == pattern
}

func anyMatches(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, dir) })
}
