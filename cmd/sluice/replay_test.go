package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const counted = `recipe: counted
nodes:
  lines:  {kind: stdin}
  events: {kind: parse_json, from: lines}
  counts: {kind: count_by, from: events, config: {field: k, max_keys: 1}}
  out:    {kind: file_writer, from: counts, config: {path: out.txt, format: json_lines, if_exists: replace}}
`

// letterIDs returns the ids that a list prints.
func (f *folder) letterIDs(args string) (ids []string) {
	f.t.Helper()
	for line := range strings.Lines(f.must(0, "", "dead list --json "+args).out) {
		var row listed
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			f.t.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	return ids
}

// TestReplayIsOfTheLatestJob runs a recipe twice in one folder: without a word more, lists
// and replays are of the second job, whose output is there; the first one is named.
func TestReplayIsOfTheLatestJob(t *testing.T) {
	f := newFolder(t, map[string]string{"c.yaml": counted})
	const in = `{"k":"a"}` + "\n" + `{"k":"b"}` + "\n"
	f.must(0, in, "run c.yaml -q --data-dir d")
	old := f.letterIDs("--data-dir d")
	f.must(0, in, "run c.yaml -q --data-dir d")
	now := f.letterIDs("--data-dir d")
	if len(old) != 1 || len(now) != 1 {
		t.Fatalf("got letters %v of the first job, and %v of the second", old, now)
	}
	r := f.must(0, "", "dead list --data-dir d")
	_, others, ok := strings.Cut(r.errs, "--job JOB lists them: ")
	first := strings.TrimSpace(others)
	if !ok || strings.Contains(r.out, first) {
		t.Fatalf("got %q on stderr, and\n%s", r.errs, r.out)
	}
	if of := f.letterIDs("--data-dir d --job " + first); len(of) != 1 || of[0] != first+"/"+old[0] {
		t.Errorf("got letters %v of job %s", of, first)
	}

	r = f.must(0, "", "dead replay --force --data-dir d")
	if !strings.Contains(r.errs, "dead letters replayed: 1\n") || !strings.Contains(r.errs, first) {
		t.Errorf("got %q", r.errs)
	}
	if n := strings.Count(f.read("out.txt"), `"b"`); n != 1 {
		t.Errorf("got %d counts of b in\n%s", n, f.read("out.txt"))
	}
	// Again there is nothing to do; the first job's letters wait until they are asked for.
	if r := f.must(0, "", "dead replay --force --data-dir d"); !strings.Contains(r.errs, "dead letters replayed: 0\n") {
		t.Errorf("got %q", r.errs)
	}
	f.must(3, "", "dead replay --force --data-dir d --job nope")
	if r := f.must(3, "", "dead list --data-dir d --job nope"); !strings.Contains(r.errs, first) {
		t.Errorf("got %q", r.errs)
	}
	if r := f.must(0, "", "dead replay --force --data-dir d "+first+"/"+old[0]); !strings.Contains(r.errs, "dead letters replayed: 1\n") {
		t.Errorf("got %q", r.errs)
	}
}

// TestReplayIsUnderTheRootOfItsJob replays from another folder than the job was run in: it is
// told the command that adds to the job's own file, and nothing is written or marked before.
func TestReplayIsUnderTheRootOfItsJob(t *testing.T) {
	f := newFolder(t, map[string]string{"c.yaml": counted, "away/keep": ""})
	f.must(0, `{"k":"a"}`+"\n"+`{"k":"b"}`+"\n", "run c.yaml -q --data-dir d")
	id := f.letterIDs("--data-dir d")[0]
	for _, ids := range []string{"", " " + id} {
		code, out := shell(t, "cd away && sluice dead replay --force --data-dir ../d"+ids, f.dir, filepath.Dir(f.binary))
		_, hint, _ := strings.Cut(string(out), "replay them with: ")
		want := "sluice dead replay" + ids + " --data-dir ../d --root " + resolvedDir(t, f.dir) + " --force\n"
		if code != 3 || hint != want {
			t.Fatalf("%s: got %d, %s, want %s", ids, code, out, want)
		}
		if ids == "" {
			continue
		}
		if code, out := shell(t, "cd away && "+strings.TrimSpace(hint), f.dir, filepath.Dir(f.binary)); code != 0 {
			t.Fatalf("%s: got %d, %s", hint, code, out)
		}
	}
	if n := strings.Count(f.read("out.txt"), `"b"`); n != 1 {
		t.Errorf("got %d counts of b in\n%s", n, f.read("out.txt"))
	}
	if _, err := os.Stat(filepath.Join(f.dir, "away", "out.txt")); err == nil {
		t.Error("a file was written under the other root")
	}
}

// TestReplayTakesNoLetterForAHeader replays a bad row of CSV, by force too: it is refused, since
// the row would be taken for the header and be gone. Without a header there is nothing to lose.
func TestReplayTakesNoLetterForAHeader(t *testing.T) {
	const rows = `recipe: rows
nodes:
  lines:  {kind: stdin}
  kept:   {kind: regex_match, from: lines, config: {regex: ".*"}}
  rows:   {kind: parse_csv, from: kept, config: {%s}}
  out:    {kind: file_writer, from: rows, config: {path: out.txt, format: json_lines}}
`
	f := newFolder(t, map[string]string{"h.yaml": fmt.Sprintf(rows, ""), "n.yaml": fmt.Sprintf(rows, "columns: [a, b]")})
	f.must(0, "a,b\n1,2\n3\n", "run h.yaml -q --data-dir h")
	for _, force := range []string{"", " --force"} {
		r := f.must(3, "", "dead replay --data-dir h"+force)
		if !strings.Contains(r.errs, "node rows (parse_csv) takes the first record that it gets for the header") || strings.Contains(r.errs, "--force") {
			t.Errorf("got %q", r.errs)
		}
	}
	if list := f.must(0, "", "dead list --data-dir h").out; strings.Count(list, " no ") != 1 {
		t.Errorf("got a letter that counts as replayed:\n%s", list)
	}
	f.must(0, "1,2\n3\n", "run n.yaml -q --data-dir n")
	if r := f.must(0, "", "dead replay --force --data-dir n"); !strings.Contains(r.errs, "dead: rows: ") {
		t.Errorf("the letter was lost: %s", r.errs)
	}
}

// TestShortIDsAreOfTheLatestJob gives an id that an older job alone has.
func TestShortIDsAreOfTheLatestJob(t *testing.T) {
	f := newFolder(t, map[string]string{"c.yaml": counted})
	f.must(0, "{}\nno json\n", "run c.yaml -q --data-dir d")
	ids := f.letterIDs("--data-dir d --node events")
	f.must(0, "{}\n", "run c.yaml -q --data-dir d")
	for _, command := range []string{"show", "replay --force"} {
		r := f.must(3, "", "dead "+command+" --data-dir d "+ids[0])
		_, long, ok := strings.Cut(r.errs, "other jobs of the folder have: ")
		if !ok || !strings.HasSuffix(long, "/"+ids[0]+"\n") {
			t.Fatalf("got %q", r.errs)
		}
		f.must(0, "", "dead "+command+" --data-dir d "+strings.TrimSpace(long))
	}
}
