package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfigCheck prints what holds, or all that is wrong and exits with 3.
func TestConfigCheck(t *testing.T) {
	good, bad := filepath.Join(t.TempDir(), "good.yaml"), filepath.Join(t.TempDir(), "bad.yaml")
	for path, text := range map[string]string{good: "pool: gpu\n", bad: "pol: gpu\nconcurrency: many\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SLUICE_CONCURRENCI", "4")
	t.Setenv("SLUICE_LOG_LEVEL", "debug")
	code, out, errs := call(t, engine{}, "config", "check", good, "--for", "worker")
	if code != codeDone || !strings.Contains(errs, "did you mean SLUICE_CONCURRENCY?") {
		t.Errorf("got %d, %s", code, errs)
	}
	rows := map[string]string{}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		rows[f[0]] = strings.Join(f[1:], " ")
	}
	for name, want := range map[string]string{"pool": "gpu " + good + ":1", "log-level": "debug $SLUICE_LOG_LEVEL", "concurrency": "0 default"} {
		if rows[name] != want {
			t.Errorf("%s: got %q, want %q", name, rows[name], want)
		}
	}
	code, _, errs = call(t, engine{}, "config", "check", bad, "--for", "worker")
	if code != codeUsage || !strings.Contains(errs, bad+":1:1: ") || !strings.Contains(errs, bad+":2:14: ") {
		t.Errorf("got %d, %s", code, errs)
	}
}
