package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoEngineBeforeItsStep: what CI runs over all packages leaves out the tests that need a Docker
// engine, which is started behind it, and the race detector those that run what was built without it.
func TestNoEngineBeforeItsStep(t *testing.T) {
	for target, wants := range map[string][]string{"test": {"-skip '^(TestImages|TestCutOff|TestDeployDocs)$'"},
		"race": {"-skip '^(TestImages|TestCutOff|TestDeployDocs)$'", "grep -v '/internal/faults$'"}} {
		out, err := exec.Command("make", "-C", "../..", "-n", target).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("make %s has no %q:\n%s", target, want, out)
			}
		}
	}
}

// stubs take the place of the programs that .ci/engine calls: each writes what it did to the log.
var stubs = map[string]string{
	// The engine answers when there is a file up, or when the file answers holds 0, and counts down to
	// that each time.
	"docker":    `case $1 in info) [ ! -e up ] || exit 0; n=$(cat answers); [ "$n" -gt 0 ] && echo $((n - 1)) > answers; [ "$n" = 0 ];; esac`,
	"apt-get":   `[ "$1" = update ] || { echo installed >> log; cp -n spare/* programs/; [ ! -e installs ] || . ./installs; }`,
	"systemctl": `cat service`,
	"sleep":     `exec /bin/sleep 0.02`,
	"timeout":   `shift; exec "$@"`,
}

// TestEngine: CI takes the engine that answers, or that installing has started, and starts one of its
// own, and ends it, only where the machine has none.
func TestEngine(t *testing.T) {
	for name, row := range map[string]struct {
		answers, service, installs string
		want                       string
	}{
		"answers":                       {"0", "active", "", "own: no"},
		"installing starts one":         {"9999", "inactive", "echo active > service; echo 0 > answers", "installed own: no"},
		"installing starts a slow one":  {"9999", "inactive", "echo activating > service; echo 5 > answers", "installed own: no"},
		"installing starts a poor one":  {"9999", "inactive", "echo active > service; echo 9999 > answers", "installed refused own: no"},
		"installing starts none":        {"9999", "inactive", "", "installed dockerd own: yes ended"},
		"the machine's one has failed":  {"9999", "failed", "", "installed dockerd own: yes ended"},
		"there is a file of a past one": {"9999", "inactive", "echo 4194304 > pid", "installed dockerd own: yes ended"},
		"no systemd, but one runs":      {"9999", "", "echo $PPID > pid; echo 5 > answers", "installed own: no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			script, err := filepath.Abs("../../.ci/engine")
			if err != nil {
				t.Fatal(err)
			}
			put := func(name, text string) {
				t.Helper()
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range stubs {
				put("programs/"+name, "#!/bin/sh\n"+text+"\n")
			}
			put("spare/dockerd", "#!/bin/sh\necho dockerd >> log\ntouch up\nexec tail -f /dev/null\n")
			put("answers", row.answers)
			put("service", row.service)
			put("log", "")
			if row.installs != "" {
				put("installs", row.installs)
			}
			cmd := exec.Command("bash", "-c", `set -euo pipefail
. "$0"
trap engine_stop EXIT
engine_start || { echo refused >> log; }
echo own: $([[ -n $engine ]] && echo yes || echo no) >> log
[[ -z $engine ]] || { at=$(cat "$engine/pid"); engine_stop; wait "$at" || true; echo ended >> log; engine=''; }`, script)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + filepath.Join(dir, "programs") + ":/usr/bin:/bin", "TMPDIR=" + dir, "ENGINE_PID=" + filepath.Join(dir, "pid")}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			log, err := os.ReadFile(filepath.Join(dir, "log"))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(strings.Fields(string(log)), " "); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
