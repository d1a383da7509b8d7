package figures

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "figures")
	t.Setenv(Variable, path)
	Note(t, "%d\nof %d", 1, 2)
	Note(t, "more")
	got, err := os.ReadFile(path)
	if want := "TestNote: 1 of 2\nTestNote: more\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	t.Setenv(Variable, "")
	Note(t, "only logged")
	if again, err := os.ReadFile(path); err != nil || string(again) != string(got) {
		t.Errorf("got %q, %v without the variable", again, err)
	}
}
