package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// artifacts looks at the file that the last job has made.
func artifacts(f *folder) {
	var all []struct{ ID, SHA256 string }
	if err := json.Unmarshal([]byte(f.must(0, "", "artifacts --job @last -o json").out), &all); err != nil || len(all) != 1 {
		f.t.Fatalf("got %+v, %v", all, err)
	}
	id := all[0].ID
	f.steps([]step{
		{"artifacts show " + id, "", 0, "sha256      " + all[0].SHA256, ""},
		{"artifacts show " + id + " -o yaml", "", 0, "path: out/numbers.txt", ""},
		{"artifacts list @last", "", 0, id, ""},
		{"artifacts @last -o yaml", "", 0, "id: " + id, ""},
		{"artifacts list @last --job @last", "", 3, "", "one of them is meant"},
		{"artifacts list nosuchjob", "", 3, "", "no such job: nosuchjob"},
		{"artifacts show none.such", "", 3, "", "none.such"},
		{"artifacts download @last --to got", "", 0, "got/out/numbers.txt\n", ""}, // the same is there
	})
	writeIn(f.t, f.dir, "got/out/numbers.txt", "mine\n")
	f.steps([]step{
		{"artifacts download @last --to got", "", 3, "", "got/out/numbers.txt is there already, with other content: --force replaces it"},
		{"artifacts download " + id, "", 0, "out/numbers.txt\n", ""},
	})
	if f.read("got/out/numbers.txt") != "mine\n" {
		f.t.Error("a download has overwritten a file")
	}
	f.must(0, "", "artifacts download --force --to got "+id)
	up := strings.TrimSpace(f.must(0, "", "artifacts upload piped.yaml").out)
	up = "u." + strings.TrimSuffix(strings.TrimPrefix(up, "artifact:"), "/piped.yaml")
	f.steps([]step{
		{"artifacts download --to sub " + up, "", 0, "sub/piped.yaml\n", ""},
		{"artifacts delete " + up, "", 0, "", "artifact " + up + " is deleted\n"},
		{"artifacts delete " + up, "", 3, "", "no such artifact: u."},
	})
}

// TestContextInForce stars the context that commands ask, wherever it comes from.
func TestContextInForce(t *testing.T) {
	f := newFolder(t, map[string]string{"c.yaml": "current: a\ncontexts:\n  a: {server: http://127.0.0.1:1}\n  b: {server: http://127.0.0.1:2}\n"})
	f.env = []string{"SLUICE_CONTEXTS=c.yaml"}
	f.steps([]step{
		{"context", "", 0, "*  a", ""},
		{"context b", "", 0, "", "context b is http://127.0.0.1:2, and the current one\n"},
		{"context c", "", 3, "", "no context c"},
		{"context", "", 0, "*  b", ""},
		{"context a", "", 0, "", "context a is"},
	})
	f.env = append(f.env, "SLUICE_CONTEXT=b")
	f.steps([]step{{"context", "", 0, "*  b", ""}})
	f.env = append(f.env, "SLUICE_SERVER=http://127.0.0.1:3")
	f.steps([]step{{"context", "", 0, "", "http://127.0.0.1:3 is asked"}})
	if out := f.must(0, "", "context").out; strings.Contains(out, "*") {
		t.Errorf("got\n%s", out)
	}
}
