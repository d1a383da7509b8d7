package realdata

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/binary"
	"sluice/internal/figures"
	"sluice/nodes/all"
)

// The two recipes give what unzip, jq, sort and uniq make of the same logs.
func TestRecipesAgainstJQ(t *testing.T) {
	if testing.Short() {
		t.Skip("200 MB of logs take a while")
	}
	data := os.Getenv("SLUICE_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "../shared/data") // beside the repository
	}
	data, err := filepath.Abs(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(data, "windows")); err != nil {
		t.Skipf("no real logs in %s; SLUICE_DATA names another folder", data)
	}
	for _, tool := range []string{"bash", "unzip", "jq", "sort", "uniq", "sed", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("the check needs %s", tool)
			}
			t.Skipf("the check needs %s", tool)
		}
	}
	sluice, err := binary.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("../../examples/real/check.sh", sluice, data).CombinedOutput()
	t.Logf("\n%s", out)
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if strings.Contains(line, ": equal, ") || strings.Contains(line, "records/s") {
			figures.Note(t, "%s", line)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), ": equal, "); n != 2 {
		t.Errorf("%d recipes were compared, want 2", n)
	}
}

// TestRecipesCompile needs no data: the recipes are sound also where there are no logs, and
// the binary lists every kind of the catalogue.
func TestRecipesCompile(t *testing.T) {
	sluice, err := binary.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	recipes, err := filepath.Glob("../../examples/real/*.yaml")
	if err != nil || len(recipes) != 2 {
		t.Fatalf("got %q, %v, want two recipes", recipes, err)
	}
	for _, path := range recipes {
		r, err := binary.Command{Path: sluice, Args: []string{"validate", path}}.Run()
		if err != nil || r.Code != 0 {
			t.Errorf("%s: exit code %d, %v\n%s", path, r.Code, err, r.Stderr)
		}
	}
	r, err := binary.Command{Path: sluice, Args: []string{"kinds"}}.Run()
	if err != nil || r.Code != 0 {
		t.Fatalf("kinds: exit code %d, %v", r.Code, err)
	}
	for _, k := range all.Catalogue().All() {
		if !regexp.MustCompile(`(?m)(^|\s)` + regexp.QuoteMeta(k.Kind) + `(\s|$)`).MatchString(r.Stdout) {
			t.Errorf("sluice kinds does not list %s", k.Kind)
		}
	}
}
