package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependenciesAreJustified compares go.mod with docs/dependencies.md.
func TestDependenciesAreJustified(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	var tools, named []string
	for _, m := range regexp.MustCompile(`(?m)^(?:tool |\t)(\S+/\S+)$`).FindAllStringSubmatch(string(mod), -1) {
		tools = append(tools, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^\| (\S+\.\S+/\S+) \|`).FindAllStringSubmatch(string(page), -1) {
		named = append(named, m[1])
	}
	want := regexp.MustCompile(`(?m)^(?:require |\t)(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1)
	for _, m := range want {
		if !slices.Contains(named, m[1]) {
			t.Errorf("docs/dependencies.md has no line for %s", m[1])
		}
	}
	for _, name := range named {
		direct := slices.ContainsFunc(want, func(m []string) bool { return m[1] == name })
		isTool := slices.ContainsFunc(tools, func(tool string) bool { return strings.HasPrefix(tool, name+"/") })
		if !direct && !isTool {
			t.Errorf("docs/dependencies.md has a line for %s, which go.mod does not name directly", name)
		}
	}
}
