package source

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPatterns is about what is found, in which order, and what of it can't be read.
func TestPatterns(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"l/e.log", "l/a/d.log", "l/a/b/c.log", "l/a/b/x.txt", "l/.hid", "l/.h/y.log", "l/a/.z.log", "m/1", "m/3"} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "secret")
	os.WriteFile(outside, []byte("no"), 0o644)
	for name, to := range map[string]string{"m/out": outside, "m/round": "../m", "m/gone": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "m/2"), 0o644); err != nil {
		t.Skip("no pipes here")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for path, want := range map[string]string{
		"l/**/*.log": "l/a/b/c.log l/a/d.log l/e.log", "**/*.log": "l/a/b/c.log l/a/d.log l/e.log", "l/**/b/*": "l/a/b/c.log l/a/b/x.txt",
		"l/a/**": "l/a/b/c.log l/a/b/x.txt l/a/d.log", "**/**/d.log": "l/a/d.log", "l/*": "l/e.log", "l/.*": "l/.hid", "l/.h/*": "l/.h/y.log",
		"*/e.log": "l/e.log", "m/[13]": "m/1 m/3",
	} {
		got, dead, _, err := readRoot(t, root, map[string]any{"path": path})
		if strings.Join(got, " ") != want || len(dead) > 0 || err != nil {
			t.Errorf("%s: got %q, dead %q, %v, want %s", path, got, dead, err, want)
		}
	}
	got, dead, _, err := readRoot(t, root, map[string]any{"path": "m/*"})
	if err != nil || strings.Join(got, " ") != "m/1 m/3" || len(dead) != 3 ||
		!strings.Contains(dead[0], "m/2: the file is given up: it is no regular file") || !strings.Contains(dead[1], "m/gone: ") || !strings.Contains(dead[2], "m/out: the file is given up: path escapes") {
		t.Errorf("got %q, dead %q, %v", got, dead, err)
	}
	for path, want := range map[string]string{"m/2": "no regular file", "l/a**": "alone between slashes", "l/[": "syntax error", "l/**/none": "no file matches"} {
		if _, _, _, err := readRoot(t, root, map[string]any{"path": path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}
