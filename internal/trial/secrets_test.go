package trial_test

import (
	"strings"
	"testing"

	"sluice/internal/trial"
)

// TestSecretBelowItsStep runs a secret into a record that a step below gives up, on a worker
// which never makes the node that names the secret.
func TestSecretBelowItsStep(t *testing.T) {
	t.Parallel()
	const value = "hunter2secret"
	known := map[string]string{"pw": value}
	teams := [][]string{{"file_reader", "regex_replace"}, {"parse_int", "file_writer"}}
	for _, c := range []struct {
		name    string
		secrets []map[string]string
		want    string
	}{
		{"known", []map[string]string{known, known}, `"${secret:pw}" is no integer`},
		{"short", []map[string]string{known, {"pw": "i"}}, "withheld"},
		{"unknown", []map[string]string{known}, "withheld"},
	} {
		t.Run(c.name, func(t *testing.T) {
			trial.Each(t, trial.Config{Workers: teams, Secrets: c.secrets}, func(t *testing.T, r *trial.Rig) {
				r.File("in", "a\n")
				for _, onError := range []string{"dead_letter", "fail"} {
					res := r.Run(t, `
recipe: secret
nodes:
  lines:  {kind: file_reader, config: {path: in}}
  filled: {kind: regex_replace, from: lines, config: {regex: '^.*$', replacement: "${secret:pw}"}}
  n:      {kind: parse_int, from: filled, on_error: `+onError+`}
  out:    {kind: file_writer, from: n, config: {path: out}}
`)
					said := res.Reason
					for _, l := range res.Dead {
						said += l.Reason
					}
					if !strings.Contains(said, c.want) || !strings.Contains(said, "secret") || strings.Contains(said, value) {
						t.Errorf("%s: got %q, want %s", onError, said, c.want)
					}
				}
			})
		})
	}
}
