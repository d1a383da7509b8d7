package main

import (
	"strings"
	"testing"
)

// TestRanges: a value out of a flag's range is told with the range, before a cluster is asked.
func TestRanges(t *testing.T) {
	t.Setenv("SLUICE_CONTEXTS", t.TempDir()+"/none.yaml")
	for line, want := range map[string]string{
		"submit x.yaml --priority 11":                "--priority 11: want a number from -10 to 10",
		"submit x.yaml --priority=-11":               "--priority -11: want a number from -10 to 10",
		"submit x.yaml --priority -11":               "--priority -11: want a number from -10 to 10",
		"submit x.yaml --deadline tomorrow":          `--deadline: "tomorrow" is no time; want one such as 90s, 2h or 30d`,
		"--context vic jobs":                         "flags follow the command",
		"submit x.yaml --deadline 0s":                "--deadline 0s: want a time above 0",
		"keys create x --role viewer --expires=-1h":  "--expires -1h0m0s: want a time above 0",
		"jobs --limit=-1":                            "--limit -1: want a number from 0",
		"jobs --since=-1h":                           "--since -1h0m0s: want a time from 0",
		"pause abc --wait=-1s":                       "--wait -1s: want a time from 0",
		"tap abc node --limit=-1":                    "--limit -1: want a number from 0",
		"tap abc node --for 2h":                      "--for 2h0m0s: want a time above 0 and of at most an hour",
		"submit x.yaml --json --watch --priority 11": `"exit":3,"error":"--priority 11: want a number from -10 to 10"`,
	} {
		code, _, errs := call(t, engine{}, strings.Fields(line)...)
		if code != codeUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: got %d, %s; want %s", line, code, errs, want)
		}
	}
	for _, line := range []string{"submit x.yaml --priority 10", "submit x.yaml --priority -5", "jobs --limit 0", "jobs --since 7d", "keys create x --role viewer --expires 30d", "pause abc --wait 0s"} {
		if _, _, errs := call(t, engine{}, strings.Fields(line)...); strings.Contains(errs, "want ") || strings.Contains(errs, "expected") {
			t.Errorf("%s: got %s", line, errs)
		}
	}
}
