package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckFindsMissingFiles: what the start would end by is told at once, all of it.
func TestCheckFindsMissingFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := func(string) (string, bool) { return "", false }
	write("secret-key-file: /nope/a.key\nprojects: [blue=/nope/blue, red=" + dir + "]\n")
	_, err := Check("coordinator", file, nil, none)
	if err == nil || !strings.Contains(err.Error(), "/nope/a.key") || !strings.Contains(err.Error(), "/nope/blue") || strings.Contains(err.Error(), "red=") {
		t.Errorf("got %v", err)
	}
	write("projects: [red=" + dir + "]\n")
	if _, err := Check("coordinator", file, nil, none); err != nil {
		t.Errorf("got %v", err)
	}
	write("root: /nope\n")
	if _, err := Check("worker", file, nil, none); err == nil || !strings.Contains(err.Error(), file+":1") {
		t.Errorf("got %v, want the place", err)
	}
}
