package main

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// object runs a command with -o json and with -o yaml, and returns what both have printed.
func (f *folder) object(stdin, args string) map[string]any {
	f.t.Helper()
	var one, other map[string]any
	out := f.must(0, stdin, args+" -o json").out
	if err := json.Unmarshal([]byte(out), &one); err != nil {
		f.t.Errorf("sluice %s -o json: %v: %q", args, err, out)
	}
	out = f.must(0, stdin, args+" -o yaml").out
	if err := yaml.Unmarshal([]byte(strings.TrimPrefix(out, "---\n")), &other); err != nil || len(one) == 0 || len(other) == 0 {
		f.t.Errorf("sluice %s -o yaml: %v: %q", args, err, out)
	}
	return one
}

// TestForPrograms: a command whose answer a program would read prints it as JSON and as YAML, and
// prints lists that are empty as such.
func TestForPrograms(t *testing.T) {
	t.Parallel()
	f := newFolder(t, remoteFiles)
	f.up("")
	for _, args := range []string{"secrets", "recipes", "jobs", "artifacts"} {
		if out := f.must(0, "", args+" -o json").out; out != "[]\n" {
			t.Errorf("%s: got %q, want an empty list", args, out)
		}
		if out := f.must(0, "", args+" -o yaml").out; out != "[]\n" {
			t.Errorf("%s: got %q, want an empty list", args, out)
		}
	}
	id := f.object("", "submit slow.yaml --key k")["id"]
	for _, x := range []struct{ args, field, want string }{
		{"job @last", "state", ""}, {"pause @last", "state", "paused"}, {"resume @last", "id", ""}, {"stop @last", "state", "stopped"}, {"cancel @last", "state", "cancelled"},
	} {
		if got := f.object("", x.args); got["id"] != id || x.want != "" && got[x.field] != x.want {
			t.Errorf("%s: got %v", x.args, got)
		}
	}
	if got := f.object("", "retry "+id.(string)); got["retry_of"] != id {
		t.Errorf("got %v", got)
	}
	if r := f.must(0, "", "cancel @last"); r.out != "" || !strings.Contains(r.errs, ": cancelled") {
		t.Errorf("for people: got %q, %q", r.out, r.errs)
	}
	f.steps([]step{
		{"submit slow.yaml -w -o json", "", 3, "", "-o goes without --watch"},
		{"recipes save slow.yaml", "", 0, "slow@1", ""},
		{"recipes show slow", "", 0, slow, ""},
		{"recipes show slow --json", "", 0, `"version": 1`, ""},
	})
	f.must(0, slow+"# more\n", "recipes save - --name slow")
	if got := f.object("", "recipes show slow@1"); got["source"] != slow {
		t.Errorf("got %v", got)
	}
	if got := f.object("", "recipes diff slow"); !strings.Contains(got["text"].(string), "+# more") {
		t.Errorf("got %v", got)
	}
	if got := f.object("", "keys create bob --role viewer"); got["name"] != "bob" || !strings.HasPrefix(got["token"].(string), "slu_") {
		t.Errorf("got %v", got)
	}
	f.must(0, "", "submit ints.yaml -p log=@n.txt -wq")
	letter, _, _ := strings.Cut(strings.Split(f.must(0, "", "dead list").out, "\n")[1], " ")
	if got := f.object("", "dead show "+letter); got["record"] != "x" {
		t.Errorf("got %v", got)
	}
	if got := f.object("", "kinds md5_hash"); got["kind"] != "md5_hash" {
		t.Errorf("got %v", got)
	}
	f.steps([]step{{"kinds -o yaml", "", 0, "  kind: md5_hash\n", ""}, {"kinds md5_hash --json", "", 0, `"kind": "md5_hash"`, ""}, {"config check --for worker -o json", "", 0, `"from": "default"`, ""}})
}
