package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/bus/bustest"
)

var remoteFiles = map[string]string{
	"slow.yaml":  slow,
	"bad.yaml":   "recipe: bad\nnodes:\n  n: {kind: integer_genrator}\n",
	"fails.yaml": "recipe: fails\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  s: {kind: to_string, from: n}\n  d: {kind: parse_json, from: s, on_error: fail}\n  t: {kind: parse_int, from: x, on_error: fail}\n  x: {kind: regex_replace, from: s, config: {regex: '.*', replacement: 'no number'}}\n  o: {kind: printer, from: t}\n",
	"ints.yaml":  "recipe: ints\ndescription: Integers.\nparams: {log: {type: string}}\nnodes:\n  lines: {kind: file_reader, config: {path: '${log}'}}\n  ints: {kind: parse_int, from: lines}\n  o: {kind: printer, from: ints}\n",
	"piped.yaml": "recipe: piped\nnodes:\n  lines: {kind: stdin}\n  o: {kind: printer, from: lines}\n",
	"uses.yaml":  "recipe: uses\nnodes:\n  n: {kind: integer_generator, config: {count: 3}}\n  sub: {kind: 'recipe:part@1', from: n}\n  o: {kind: printer, from: sub}\n",
	"n.txt":      "1\nx\n2\ny\n",
	"keyed.yaml": "recipe: keyed\nnodes:\n  n: {kind: integer_generator, config: {count: 3}}\n  texts: {kind: to_string, from: n}\n  keyed: {kind: hmac, from: texts, config: {key: '${secret:api-key}'}}\n  o: {kind: printer, from: keyed}\n",
}

// step is a command and what must come of it.
type step struct {
	args, in  string
	code      int
	out, errs string // parts of what is said
}

func (f *folder) steps(all []step) {
	f.t.Helper()
	for _, s := range all {
		r := f.must(s.code, s.in, s.args)
		if !strings.Contains(r.out, s.out) || !strings.Contains(r.errs, s.errs) {
			f.t.Errorf("sluice %s: got stdout %q, stderr %q; want %q and %q in them", s.args, r.out, r.errs, s.out, s.errs)
		}
	}
}

// guest is a folder of its own that asks the cluster of another one, so that it has a @last of
// its own.
func (f *folder) guest(t *testing.T, up *process) *folder {
	t.Helper()
	g := newFolder(t, remoteFiles)
	g.env = []string{"SLUICE_CONTEXTS=" + filepath.Join(g.dir, "contexts.yaml")}
	g.must(0, f.read("data/admin.key"), "login "+up.address())
	return g
}

// TestRemote runs every command that asks a cluster.
func TestRemote(t *testing.T) {
	t.Parallel()
	f := newFolder(t, remoteFiles)
	up := f.up("--log-level trace")
	for name, test := range map[string]func(*folder){
		"submit": submitting, "jobs": listing, "orders": ordering, "dead": deadLetters, "recipes": savedRecipes, "secrets": secretsKept, "keys": keysMade, "watch": watching, "tap": tapping,
		"contexts": remembering,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(f.guest(t, up))
		})
	}
	t.Cleanup(func() { // behind those that run in parallel
		for _, canary := range []string{"the-canary-value", strings.TrimSpace(f.read("data/admin.key"))} {
			if strings.Contains(up.errs.String()+up.out.String(), canary) {
				t.Errorf("%q is in the log", canary)
			}
		}
	})
}

func submitting(f *folder) {
	bustest.Eventually(f.t, "the worker to be known", func() bool { return strings.Contains(f.must(0, "", "workers -o json").out, `"no_root": true`) })
	f.steps([]step{
		{"submit bad.yaml", "", 2, "", "bad.yaml:3:13: SL201: unknown kind integer_genrator; did you mean integer_generator?"},
		{"submit none.yaml", "", 3, "", "none.yaml: no such file"},
		{"submit nothing-of-this-name", "", 3, "", "no recipe is saved as nothing-of-this-name"},
		{"submit ints.yaml -w", "", 2, "", "SL112"},
		{"submit ints.yaml -p log=@none.txt", "", 3, "", "-p log=@none.txt: there is no such file"},
		{"submit ints.yaml -p log=n.txt -w", "", 2, "", "ints.yaml:5:17: SL701: lines reads n.txt, and no worker here touches files of its own; give it along by -p log=@n.txt"},
		{"submit piped.yaml", "", 2, "", "piped.yaml:3:17: SL701: lines reads the standard input"},
		{"submit ints.yaml -p log=@n.txt -w", "", 0, "1\n2\n", "dead: ints: \"x\" is no integer, and 1 more like it\ndead letters: listed by: sluice dead list --job "},
		{"submit ints.yaml -p log=@n.txt -wq", "", 0, "1\n2\n", "2 records became dead letters; listed by: sluice dead list --job "},
		{"submit ints.yaml -p log=@n.txt -w --fail-on-dead", "", 1, "1\n2\n", "--fail-on-dead is given"},
		{"submit ints.yaml -p log=@n.txt -w --json", "", 0, "1\n2\n", `"exit":0}`},
		{"submit bad.yaml -w --json", "", 2, "", `{"event":"fault","code":"SL201"`},
		{"submit bad.yaml -w --json", "", 2, "", `{"event":"error","exit":2,"error":"the recipe is refused"}`},
		{"submit none.yaml -w --json", "", 3, "", `{"event":"error","exit":3,`},
		{"submit fails.yaml -w --json", "", 1, "", `"exit":1}`},
		{"submit fails.yaml -w", "", 1, "", "failed: node "},
		{"submit ints.yaml -p log=@n.txt -wq", "", 0, "1\n2\n", ""},
		{"results @last", "", 3, "", "o only prints, and a printer keeps no records\n  hint: what it printed is in its events: sluice logs "},
		{"results @last --node o", "", 3, "", "o only prints"},
		{"logs @last", "", 0, " o: 1\n", ""},
		{"logs @last", "", 0, " o: 2\n", ""},
		{"artifacts download @last", "", 0, "", "has made no files"},
		{"submit fails.yaml -wq", "", 1, "", "sluice: fails: node "},
		{"submit - -w", "recipe: one\nnodes:\n  n: {kind: integer_generator, config: {count: 1, seed: 1}}\n  o: {kind: printer, from: n}\n", 0, "13\n", "one: succeeded"},
		{"submit slow.yaml --priority 20", "", 3, "", "sluice: --priority 20: want a number from -10 to 10"},
		{"submit slow.yaml --label x", "", 3, "", "NAME=VALUE"},
		{"submit slow.yaml --deadline 300ms -w", "", 1, "", "deadline"},
	})
	if r := f.must(1, "", "submit fails.yaml -w"); strings.Count(r.errs, "is no integer")+strings.Count(r.errs, "is no JSON") > 1 {
		f.t.Errorf("the reason is told more than once: %q", r.errs)
	}
	first := f.submit("ints.yaml -p log=@n.txt --key k1 --label a=b --priority 3 --deadline 1h")
	if again := f.submit("ints.yaml -p log=@n.txt --key k1 --label a=b --priority 3 --deadline 1h"); again != first {
		f.t.Errorf("got jobs %s and %s for one key", first, again)
	}
	f.steps([]step{
		{"submit ints.yaml -p log=@n.txt --key k1", "", 3, "", "idempotency key was used for another submission, job " + first},
		{"job @last", "", 0, "label      a=b\n", ""},
		{"job " + first, "", 0, "priority   3\n", ""},
	})
}

func listing(f *folder) {
	one := "recipe: listed\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n"
	var ids []string
	for _, label := range []string{"one", "two", "three"} {
		f.must(0, one, "submit - -wq --label listed=yes --label name="+label)
		ids = append(ids, strings.Fields(f.must(0, "", "job @last").out)[1])
	}
	f.steps([]step{
		{"jobs --label listed=yes --label name=two", "", 0, ids[1], ""},
		{"jobs --recipe listed --state succeeded --owner admin --since 1h", "", 0, ids[0], ""},
		{"jobs --recipe listed --since 1ns", "", 0, "JOB  RECIPE  STATE", ""},
		{"jobs --label x", "", 3, "", "NAME=VALUE"},
		{"jobs --state runing", "", 3, "", "there are: pending, running"},
		{"jobs --limit=-1", "", 3, "", "--limit -1: want a number from 0"},
		{"jobs -o csv", "", 3, "", "table"},
		{"jobs --recipe listed -o yaml", "", 0, "- created: ", ""},
		{"job @last -o yaml", "", 0, "id: " + ids[2], ""},
		{"workers -o json", "", 0, `"kinds": [`, ""},
	})
	var page []struct{ ID string }
	if err := json.Unmarshal([]byte(f.must(0, "", "jobs --label listed=yes --limit 2 -o json").out), &page); err != nil {
		f.t.Fatal(err)
	}
	if len(page) != 2 || page[0].ID != ids[2] || page[1].ID != ids[1] {
		f.t.Errorf("got %v, want the last two of %v, newest first", page, ids)
	}
}

func ordering(f *folder) {
	id := f.submit("slow.yaml")
	f.steps([]step{
		{"pause @last", "", 0, "", "job " + id + ": paused"},
		{"job @last", "", 0, "slow: paused, ", ""},
		{"resume @last", "", 0, "", ""},
		{"stop " + id, "", 0, "", "job " + id + ": stopped"},
		{"stop " + id, "", 0, "", ": stopped"},
		{"logs -f @last", "", 0, "stopped", ""}, // returns, since the job rests
		{"delete @last", "", 3, "", "cancel it before it is deleted"},
		{"retry @last", "", 3, "", id},
		{"resume @last", "", 0, "", ""},
		{"cancel @last", "", 0, "", ": cancelled"},
		{"resume @last", "", 3, "", "is over: cancelled\n  hint: a retry"},
		{"stop @last", "", 3, "", "is over: cancelled"},
		{"job NO", "", 3, "", "is no id of a job"},
		{"job nosuchjob", "", 3, "", "no such job: nosuchjob"},
	})
	again := strings.TrimSpace(f.must(0, "", "retry @last").out)
	f.steps([]step{
		{"job @last", "", 0, "retry of   " + id, ""},
		{"drain @last --wait 30s", "", 0, "", "job " + again + ": succeeded"},
		{"resume @last", "", 3, "", "is over: succeeded"},
		{"results @last --node none", "", 3, "", "no sink none"},
		{"artifacts --job @last", "", 0, "numbers.txt", ""},
		{"artifacts download @last --to got", "", 0, "got/out/numbers.txt\n", ""},
		{"delete " + id, "", 0, "", "job " + id + " is deleted\n"},
	})
	artifacts(f)
	got := f.read("got/out/numbers.txt")
	var lines []string
	for line := range strings.Lines(f.must(0, "", "results @last").out) {
		var text string
		if err := json.Unmarshal([]byte(line), &text); err != nil {
			f.t.Fatal(err)
		}
		lines = append(lines, text+"\n")
	}
	if strings.Join(lines, "") != got {
		f.t.Errorf("results have %d lines, the artifact %d bytes", len(lines), len(got))
	}
	bustest.Eventually(f.t, "the job to be gone", func() bool { return f.run("", "job "+id).code == 3 })
}

func tapping(f *folder) {
	id := f.submit("slow.yaml -p n=1000000")
	if lines := strings.Split(f.must(0, "", "tap @last texts --limit 300").out, "\n"); len(lines) != 301 || lines[0] == "" {
		f.t.Errorf("got %d lines, the first %q; want 300 numbers", len(lines)-1, lines[0])
	}
	var text string
	if out := f.must(0, "", "tap "+id+" texts.out --limit 1 -o json").out; json.Unmarshal([]byte(out), &text) != nil || text == "" {
		f.t.Errorf("got %q, want a string", out)
	}
	f.steps([]step{
		{"tap @last n --limit 1", "", 0, "", "as many records as were asked for\n"},
		{"tap @last n --for 1ms", "", 0, "", "the time is over"},
		{"tap @last n --for 2h", "", 3, "", "of at most an hour"},
		{"tap @last n --limit=-1", "", 3, "", "want a number from 0"},
		{"tap @last text", "", 3, "", "did you mean texts?"},
		{"tap @last out", "", 3, "", "out puts nothing out; tap what leads to it"},
		{"tap nosuchjob n", "", 3, "", "no such job: nosuchjob"},
	})
	p := f.start("tap @last texts")
	bustest.Eventually(f.t, "records", func() bool { return p.out.String() != "" })
	f.must(0, "", "stop @last")
	if code := p.exit(); code != 0 || p.errs.String() != "job "+id+" is stopped\n" {
		f.t.Errorf("a tap when the job is stopped: got %d, %q", code, p.errs.String())
	}
	f.steps([]step{
		{"tap @last texts", "", 3, "", "nothing passes: job " + id + " is stopped\n  hint: resume it"},
		{"tap @last text", "", 3, "", "did you mean texts?"},
		{"tap @last nope", "", 3, "", "has no node nope; it has "},
		{"resume @last", "", 0, "", ""},
	})
	p = f.start("tap @last texts")
	bustest.Eventually(f.t, "records", func() bool { return p.out.String() != "" })
	p.signal(os.Interrupt)
	if code := p.exit(); code != 130 {
		f.t.Errorf("a tap that is left: got %d, %q", code, p.errs.String())
	}
	f.must(0, "", "cancel @last")
	var workers []struct{ Name string }
	if err := json.Unmarshal([]byte(f.must(0, "", "workers -o json").out), &workers); err != nil || len(workers) == 0 {
		f.t.Fatalf("got %+v, %v", workers, err)
	}
	f.steps([]step{
		{"workers " + workers[0].Name, "", 0, "md5_hash@1\n", ""},
		{"workers -o yaml " + workers[0].Name, "", 0, "name: " + workers[0].Name, ""},
		{"workers nobody", "", 3, "", "no such worker: nobody"},
	})
}

func deadLetters(f *folder) {
	id := f.submit("ints.yaml -p log=@n.txt")
	f.must(0, "", "logs -f @last")
	f.steps([]step{
		{"dead list", "", 0, "ID ", ""},
		{"dead list --job " + id + " --node ints", "", 0, `"y" is no integer`, ""},
		{"dead list --json", "", 0, `"node":"ints"`, ""},
		{"dead list -o json", "", 0, `"node":"ints"`, ""},
		{"dead list -o yaml", "", 0, "node: ints\n", ""},
		{"logs @last -o yaml", "", 0, "---\n", ""},
		{"dead list --job nosuchjob", "", 3, "", "nosuchjob"},
		{"dead replay --root x", "", 3, "", "--data-dir"},
		{"dead purge", "", 3, "", "--all"},
	})
	letter := strings.Fields(f.must(0, "", "dead list").out)[5]
	f.steps([]step{
		{"dead show " + letter, "", 0, "reason:      \"x\" is no integer", ""},
		{"dead show " + letter, "", 0, "from:        source lines, split 0", ""},
		{"dead show --json " + letter, "", 0, `"record":"x"`, ""},
		{"dead show 9.9-9-9.9", "", 3, "", "9.9-9-9.9"},
		{"dead replay --watch --force", "", 0, "", "dead letters that are replayed: 2"},
		{"dead list", "", 0, " yes ", ""},
		{"dead purge " + letter, "", 0, "", "deleted: 1"},
		{"dead purge --all", "", 0, "", "deleted: "},
		{"dead list", "", 0, "", "no dead letters of job " + id},
		{"submit ints.yaml -p log=@n.txt -wq", "", 0, "1\n2\n", ""},
		{"dead replay", "", 0, "", "\nwhat is given up again is a dead letter of the replay: sluice dead list --job "},
	})
}

func savedRecipes(f *folder) {
	f.must(3, "", "recipes delete ints")
	f.must(0, "recipe: part\ninputs: {in: {type: int}}\nnodes:\n  s: {kind: to_string, from: inputs.in}\noutputs: {out: {from: s}}\n", "recipes save -")
	f.steps([]step{
		{"recipes save ints.yaml", "", 0, "ints@1\n", ""},
		{"recipes save bad.yaml", "", 2, "", "SL201"},
		{"recipes save ints.yaml --name other", "", 0, "other@1\n", ""},
		{"recipes", "", 0, "Integers.", ""},
		{"recipes -o json --match other", "", 0, `"name": "other"`, ""},
		{"recipes show ints", "", 0, remoteFiles["ints.yaml"], ""},
		{"recipes show ints@7", "", 3, "", "no version 7; the latest is 1"},
		{"submit ints -p log=@n.txt -w", "", 0, "1\n2\n", ""},
		{"submit ints@1 -p log=@n.txt -w", "", 0, "1\n2\n", ""},
		{"submit ints@latest -p log=@n.txt -w", "", 0, "1\n2\n", ""},
		{"job @last", "", 0, "ints@1", ""},
		{"jobs --recipe ints", "", 0, "ints@1", ""},
	})
	writeIn(f.t, f.dir, "ints.yaml", strings.Replace(remoteFiles["ints.yaml"], "Integers", "Whole numbers", 1))
	f.steps([]step{
		{"recipes save ints.yaml", "", 0, "ints@2\n", ""},
		{"recipes versions ints", "", 0, "2  ", ""},
		{"recipes diff ints 1 2", "", 0, "+description: Whole numbers.", ""},
		{"recipes delete ints@1 --all", "", 3, "", "one of them"},
		{"recipes delete other@1", "", 0, "", "1 deleted"},
		{"recipes import -", "x", 3, "", "not JSON"},
		{"validate uses.yaml", "", 2, "", "saved recipes need a server"},
		{"validate uses.yaml --remote", "", 0, "uses.yaml: uses: ", ""},
		{"validate bad.yaml ints.yaml --remote", "", 2, "ints.yaml: ints: 3 steps, 2 edges", "bad.yaml:3:13: SL201"},
		{"validate ints.yaml --remote -p log=@n.txt", "", 0, "ints.yaml: ints: 3 steps", ""},
		{"validate ints.yaml --remote -p log=n.txt", "", 2, "", "SL701"},
		{"validate piped.yaml --remote", "", 2, "", "SL701"},
		{"validate ints.yaml --context none", "", 3, "", "no context none"},
		{"validate ints.yaml --server http://127.0.0.1:1", "", 4, "", "is it running"},
		{"plan uses.yaml --remote", "", 0, "sub/s", ""},
		{"plan ints.yaml --remote", "", 2, "", "SL112"},
		{"plan uses.yaml --remote --seed 1", "", 3, "", "--seed"},
	})
	archive := f.must(0, "", "recipes export ints").out
	f.must(0, "", "recipes delete ints --all")
	f.steps([]step{
		{"recipes import -", archive, 0, "ints@1\nints@2\n", "2 added"},
		{"recipes show ints@2", "", 0, "Whole numbers", ""},
	})
}

// watching leaves a job that goes on, and comes to one that is stopped by somebody else.
func watching(f *folder) {
	p := f.start("submit slow.yaml --watch")
	p.until("job ")
	p.until("running")
	p.signal(os.Interrupt)
	if code := p.exit(); code != 130 || !strings.Contains(p.errs.String(), "goes on; sluice logs -f ") {
		f.t.Errorf("got %d, %q", code, p.errs.String())
	}
	log := f.start("logs -f @last")
	log.until("running")
	log.signal(os.Interrupt)
	if code := log.exit(); code != 130 {
		f.t.Errorf("logs -f: got %d", code)
	}
	f.must(0, "", "cancel @last")
	p = f.start("submit slow.yaml --watch")
	p.until("running")
	id := strings.Fields(p.errs.String())[1]
	f.must(0, "", "stop "+id)
	if code := p.exit(); code != 130 || !strings.Contains(p.errs.String(), "sluice resume "+id) {
		f.t.Errorf("got %d, %q of a job that was stopped", code, p.errs.String())
	}
	f.must(0, "", "cancel "+id)
}
