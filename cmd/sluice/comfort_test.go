package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestManyFiles shows that no fault of one file hides those of others.
func TestManyFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.yaml", strings.Replace(sound, "md5_hash", "md5hash", 1))
	write(t, "b.yaml", sound)
	write(t, "c.yaml", strings.Replace(sound, "to_string", "tostring", 1))
	write(t, "d.yaml", strings.ReplaceAll(strings.Replace(sound, "n: {", "m: {", 1), "${n}", "${m}"))
	write(t, "one.yaml", "recipe: one\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  o: {kind: printer, from: n}\n")
	for _, c := range []struct {
		args      string
		code      int
		out, errs []string
	}{
		{"validate a.yaml nope.yaml b.yaml c.yaml gone.yaml", 3, []string{"b.yaml: sound"}, []string{"did you mean md5_hash", "did you mean to_string", "nope.yaml", "gone.yaml"}},
		{"validate a.yaml b.yaml c.yaml", 2, []string{"b.yaml: sound"}, []string{"did you mean md5_hash", "did you mean to_string"}},
		{"validate --json a.yaml nope.yaml c.yaml", 3, []string{`"file":"a.yaml"`, `"file":"c.yaml"`}, []string{"nope.yaml"}},
		{"test nope.yaml b.yaml gone.yaml", 3, nil, []string{"nope.yaml", "gone.yaml"}},
		{"validate b.yaml d.yaml -p n=4 -p m=5", 0, []string{"b.yaml: sound", "d.yaml: sound"}, nil},
		{"validate b.yaml d.yaml -p k=4", 2, nil, []string{"b.yaml:1:1: SL114", "d.yaml:1:1: SL114"}},
		{"validate one.yaml", 0, []string{"2 steps, 1 edge\n"}, nil},
	} {
		code, out, errs := call(t, engine{tests: runCases}, strings.Fields(c.args)...)
		if code != c.code {
			t.Errorf("%s: got %d, want %d: %s%s", c.args, code, c.code, out, errs)
		}
		for _, want := range c.out {
			if !strings.Contains(out, want) {
				t.Errorf("%s: got %q on stdout, want %q in it", c.args, out, want)
			}
		}
		for _, want := range c.errs {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: got %q on stderr, want %q in it", c.args, errs, want)
			}
		}
	}
}

// TestRecipeFromStdin gives the recipe as "-".
func TestRecipeFromStdin(t *testing.T) {
	f := newFolder(t, map[string]string{"sub.yaml": "recipe: sub\ninputs:\n  in: {type: int}\nnodes:\n  s: {kind: to_string, from: inputs.in}\noutputs:\n  out: {from: s}\n"})
	text := "recipe: piped\nparams: {n: {type: int, default: 1}}\nnodes:\n  n: {kind: integer_generator, config: {count: '${n}', seed: 1}}\n" +
		"  s: {kind: 'recipe:./sub.yaml', from: n}\n  o: {kind: printer, from: s}\n"
	f.must(0, text, "validate -")
	f.must(2, strings.Replace(text, "printer", "printr", 1), "validate -")
	f.must(0, text, "plan -")
	if r := f.must(0, text+"tests:\n  - {name: piped, given: {n: [13]}, expect: {o: ['13']}}\n", "test -"); !strings.Contains(r.out, "ok    piped") {
		t.Errorf("got %q", r.out)
	}
	if r := f.must(0, text, "run - -q -p n=2"); r.out != "13\n368\n" {
		t.Errorf("got %q", r.out)
	}
	if r := f.must(3, pipe, "run -"); !strings.Contains(r.errs, "lines (stdin)") {
		t.Errorf("got %q", r.errs)
	}
	f.must(3, text, "fmt -w -")
}

// TestNothingStored asks for the dead letters of folders without a job: nothing is made there.
func TestNothingStored(t *testing.T) {
	f := newFolder(t, map[string]string{"empty/keep": "", "old/jetstream/keep": "", "pipe.yaml": pipe})
	for _, command := range []string{"list", "replay", "show 1.0-0-0.0"} {
		for _, dir := range []string{"empty", "old"} {
			if r := f.must(3, "", "dead "+command+" --data-dir "+dir); !strings.Contains(r.errs, "no job is stored in "+dir) {
				t.Errorf("dead %s: got %q", command, r.errs)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(f.dir, "empty", "*")); len(left) != 1 {
		t.Errorf("got %v in the folder", left)
	}
	for _, dir := range []string{"pipe.yaml", "pipe.yaml/in", "/proc/x"} {
		if r := f.must(3, "", "run pipe.yaml --data-dir "+dir); !strings.Contains(r.errs, "--data-dir "+dir+": no job can be stored there") {
			t.Errorf("got %q", r.errs)
		}
	}
}

// TestDeadLettersAreExplained looks at what a run says of its letters, and where they came
// from.
func TestDeadLettersAreExplained(t *testing.T) {
	f := newFolder(t, map[string]string{
		"in.txt": "1\nx\n2\ny3\n",
		"p.yaml": "recipe: p\nnodes:\n  lines: {kind: file_reader, config: {path: in.txt}}\n  ints: {kind: parse_int, from: lines}\n  out: {kind: printer, from: ints}\n",
	})
	r := f.must(0, "", "run p.yaml")
	if !strings.Contains(r.errs, `dead: ints: "x" is no integer, and 1 more like it`) || !strings.Contains(r.errs, "--data-dir DIR keeps them") {
		t.Errorf("got %q", r.errs)
	}
	r = f.must(0, "", "run p.yaml --data-dir d")
	if !strings.Contains(r.errs, "listed by: sluice dead list --data-dir d\n") {
		t.Errorf("got %q", r.errs)
	}
	if r := f.must(0, "", "run p.yaml -q"); r.errs != "2 records became dead letters; gone with the temporary store; --data-dir DIR keeps them for sluice dead list\n" {
		t.Errorf("quiet: got %q", r.errs)
	}
	if r := f.must(0, "", "run p.yaml -q --data-dir d"); r.errs != "2 records became dead letters; listed by: sluice dead list --data-dir d\n" {
		t.Errorf("quiet: got %q", r.errs)
	}
	if r := f.must(3, "", "dead list --data-dir d --node int"); !strings.Contains(r.errs, "did you mean ints?") {
		t.Errorf("got %q", r.errs)
	}
	show := f.must(0, "", "dead show 1.0-0-0.3 --data-dir d").out
	for _, want := range []string{"source lines, split 0 ", `"path":"in.txt"`, "frame 0, record 3 of the frame", `"y3"`} {
		if !strings.Contains(show, want) {
			t.Errorf("got %q, want %q in it", show, want)
		}
	}
	if show := f.must(0, "", "dead show 1.0-0-0.3 --data-dir d --json").out; !strings.Contains(show, `"from":{"source":"lines","split":0,"of":{"path":"in.txt"`) {
		t.Errorf("got %s", show)
	}
	// An id is good in both forms, before and after a replay made more letters.
	f.must(0, "", "dead replay -q --data-dir d 1.0-0-0.3")
	long := strings.Fields(f.must(0, "", "dead list --data-dir d").out)[5]
	if job, id, ok := strings.Cut(long, "/"); !ok || job == "" || id == "" {
		t.Fatalf("got id %q", long)
	}
	f.must(0, "", "dead show --data-dir d "+long)
	f.must(0, "", "dead show --data-dir d 1.0-0-0.3")
}

// TestTapsOfParts taps an included recipe: what leaves it.
func TestTapsOfParts(t *testing.T) {
	f := newFolder(t, map[string]string{
		"part.yaml":  "recipe: part\ninputs:\n  in: {type: int}\nnodes:\n  s: {kind: to_string, from: inputs.in}\n  d: {kind: to_uppercase, from: s}\noutputs:\n  out: {from: d}\n",
		"top.yaml":   "recipe: top\nnodes:\n  n: {kind: integer_generator, config: {count: 2, seed: 1}}\n  box: {kind: 'recipe:./part.yaml', from: n}\n  o: {kind: file_writer, from: box, config: {path: o.txt}}\n",
		"two.yaml":   "recipe: two\ninputs:\n  in: {type: int}\nnodes:\n  s: {kind: to_string, from: inputs.in}\n  h: {kind: to_hex, from: s}\noutputs:\n  hash: {from: h}\n  all: {from: [s, h]}\n",
		"twice.yaml": "recipe: twice\nnodes:\n  n: {kind: integer_generator, config: {count: 2, seed: 1}}\n  box: {kind: 'recipe:./two.yaml', from: n}\n  o: {kind: file_writer, from: box.hash, config: {path: o.txt}}\n  p: {kind: file_writer, from: box.all, config: {path: p.txt}}\n",
		"shown.yaml": "recipe: shown\nnodes:\n  n: {kind: integer_generator, config: {count: 2, seed: 1}}\n  o: {kind: printer, from: n}\n",
	})
	for args, want := range map[string]string{
		"top.yaml -q --tap box":              "13\n368\n",
		"top.yaml -q --tap box/d":            "13\n368\n",
		"top.yaml -q --tap box.out":          "13\n368\n",
		"twice.yaml -q --tap box.hash":       "3133\n333638\n",
		"top.yaml -q --tap box/s --tap box":  "",
		"shown.yaml -q --tap n --root ./":    "",
		"top.yaml -q --tap box --workers=2 ": "13\n368\n",
	} {
		r := f.must(0, "", "run "+args)
		if want != "" && r.out != want {
			t.Errorf("%s: got %q, want %q", args, r.out, want)
		}
		if want == "" && !strings.Contains(r.out, ": 368\n") {
			t.Errorf("%s: got %q, want the tap's name before its lines", args, r.out)
		}
	}
	lines := strings.Split(f.must(0, "", "run twice.yaml -q --tap box.all").out, "\n")
	if slices.Sort(lines); strings.Join(lines, ",") != ",box/h.out: 3133,box/h.out: 333638,box/s.out: 13,box/s.out: 368" {
		t.Errorf("got %q of an output that two nodes lead to", lines)
	}
	for args, want := range map[string]string{
		"--tap boxx":    "did you mean box?",
		"--tap box.x":   "box has no port x; it has out",
		"--tap box/d.x": "has no port x; it has out",
		"--tap o":       "o puts nothing out; tap what leads to it",
		"--tap zzzzzzz": "it has box, box/d, box/s, n, o",
	} {
		if r := f.must(3, "", "run top.yaml -q "+args); !strings.Contains(r.errs, want) {
			t.Errorf("%s: got %q, want %q in it", args, r.errs, want)
		}
	}
}

// TestTapsOfAStoredPart taps the port of an included recipe where only the plan is known: what
// is told to be tapped can be.
func TestTapsOfAStoredPart(t *testing.T) {
	dir := t.TempDir()
	writeIn(t, dir, "part.yaml", "recipe: part\ninputs:\n  in: {type: int}\nnodes:\n  s: {kind: to_string, from: inputs.in}\noutputs:\n  out: {from: s}\n")
	writeIn(t, dir, "top.yaml", "recipe: top\nnodes:\n  n: {kind: integer_generator}\n  box: {kind: 'recipe:./part.yaml', from: n}\n  o: {kind: printer, from: box}\n")
	plan, err := compileFile(filepath.Join(dir, "top.yaml"), dir, nil, compileFlags{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = newTaps([]string{"box.out"}, plan, nil, nil)
	if err == nil || !strings.HasSuffix(err.Error(), "tap all that leaves it by box, or box/s.out") {
		t.Errorf("got %v", err)
	}
	if _, err := newTaps([]string{"box", "box/s.out"}, plan, nil, nil); err != nil {
		t.Error(err)
	}
}

// TestStderrIsJSON holds every line on stderr to be an object, however a run ends.
func TestStderrIsJSON(t *testing.T) {
	f := newFolder(t, map[string]string{
		"pipe.yaml": pipe,
		"bad.yaml":  strings.Replace(pipe, "to_string", "tostring", 1),
		"gone.yaml": strings.Replace(pipe, "{kind: stdin}", "{kind: file_reader, config: {path: gone.txt}}", 1),
	})
	for _, c := range []struct {
		args   string
		code   int
		events string
	}{
		{"run pipe.yaml --data-dir d", 0, "end 0"},
		{"dead replay --data-dir d", 0, "end 0"},
		{"dead replay --data-dir d 1.0-1-0.0", 3, "error 3"},
		{"dead replay --data-dir d --fail-on-dead", 1, "end 0 error 1"},
		{"run pipe.yaml --data-dir e", 0, "end 0"},
		{"dead replay --data-dir e --node texts", 0, "end 0"},
		{"run pipe.yaml --fail-on-dead", 1, "error 1 end 1"},
		{"run gone.yaml --log-level debug", 1, "error 1 end 1"},
		{"run bad.yaml", 2, "fault error 2"},
		{"run nope.yaml", 3, "error 3"},
		{"run pipe.yaml --root nowhere", 3, "error 3"},
		{"run pipe.yaml --tap nothing", 3, "error 3"},
		{"run pipe.yaml --resume", 3, "error 3"},
		{"run pipe.yaml --nope", 3, "error 3"},
		{"run pipe.yaml --log-level debug -p a=b ", 2, "fault error 2"},
	} {
		r := f.must(c.code, "1\nx\n", c.args+" --json")
		var got []string
		for line := range strings.Lines(r.errs) {
			var e struct {
				Event string       `json:"event"`
				Exit  *json.Number `json:"exit"`
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%s: %q is no JSON: %v", c.args, line, err)
			}
			if e.Event != "" && e.Event != "progress" { // log lines have none
				got = append(got, e.Event)
				if e.Exit != nil {
					got = append(got, e.Exit.String())
				}
			}
		}
		if strings.Join(got, " ") != c.events {
			t.Errorf("%s: got events %v, want %s", c.args, got, c.events)
		}
	}
}

// TestFaultsAreToldOnce counts how often a reason stands on the screen.
func TestFaultsAreToldOnce(t *testing.T) {
	f := newFolder(t, map[string]string{
		"gone.yaml":   "recipe: gone\nnodes:\n  lines: {kind: file_reader, config: {path: gone.txt}}\n  out: {kind: printer, from: lines}\n",
		"secret.yaml": strings.Replace(pipe, "api-key", "other", 1),
	})
	for args, want := range map[string]string{"gone.yaml": "gone.txt: no such file", "secret.yaml": "SLUICE_SECRET_OTHER"} {
		for _, quiet := range []string{"", " -q"} {
			r := f.must(1, "1\n", "run --progress none "+args+quiet)
			if strings.Count(r.errs, want) != 1 || strings.Contains(r.errs, "step ") || strings.Count(r.errs, "node ") > 2 {
				t.Errorf("%s%s: got\n%s", args, quiet, r.errs)
			}
			if lines := strings.Count(r.errs, "\n"); quiet != "" && lines != 1 {
				t.Errorf("%s%s: got %d lines\n%s", args, quiet, lines, r.errs)
			}
		}
	}
}

func TestFmtTellsWhatItCantWrite(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is unwritable for root")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "messy.yaml", "nodes:\n    n: {kind:   stdin}\nrecipe: messy\n")
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if code, _, errs := call(t, engine{}, "fmt", "-w", "messy.yaml"); code != 1 || strings.Contains(errs, "sluice-tmp") || !strings.Contains(errs, "writing messy.yaml") {
		t.Errorf("got %d, %q", code, errs)
	}
}
