package main

import (
	"strings"
	"testing"
)

// TestEmptyNames gives commands an empty name, as by a variable that is not set: it is refused by
// what it would name, and nothing is asked.
func TestEmptyNames(t *testing.T) {
	t.Setenv("SLUICE_SERVER", "http://127.0.0.1:1") // where nobody answers: that would be 4
	for args, want := range map[string]string{
		"logs|":                        "the job id is empty",
		"job|":                         "the job id is empty",
		"cancel|":                      "@last is the latest job",
		"delete|":                      "the job id is empty",
		"results|":                     "the job id is empty",
		"tap||n":                       "the job id is empty",
		"tap|@last|":                   "the node is empty",
		"retry|":                       "the job id is empty",
		"artifacts|download|":          "the job or id is empty",
		"artifacts|download|a|":        "the job or id is empty",
		"artifacts|delete|":            "the id is empty",
		"artifacts|list|--job|":        "--job is empty",
		"artifacts|upload|":            "the file is empty",
		"workers|":                     "the name is empty",
		"recipes|show|":                "the recipe is empty",
		"recipes|delete|":              "the recipe is empty",
		"recipes|export|":              "the name is empty",
		"secrets|set|":                 "the name is empty",
		"keys|revoke|":                 "the key is empty",
		"dead|show|":                   "the id is empty",
		"dead|list|--job|":             "--job is empty",
		"dead|replay|--job|":           "--job is empty",
		"dead|replay|--node|":          "--node is empty",
		"dead|replay|":                 "the id is empty",
		"dead|purge|--all|--job|":      "--job is empty",
		"submit|":                      "the recipe is empty",
		"validate|":                    "the file is empty",
		"context|":                     "the name is empty",
		"login|":                       "the server is empty",
		"results|abc|--node|":          "--node is empty",
		"dead|list|--data-dir||--job|": "is empty",
	} {
		code, out, errs := call(t, engine{}, strings.Split(args, "|")...)
		if code != codeUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%s: got %d, %q, want %q", args, code, errs, want)
		}
	}
	if code, _, errs := call(t, engine{}, "__complete", "--", ""); code != 0 {
		t.Errorf("completion of an empty word: got %d, %q", code, errs)
	}
}
