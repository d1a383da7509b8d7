package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/recipe"
)

// sound uses kinds that every build has.
const sound = `recipe: sound
params:
  n: {type: int, default: 3}
nodes:
  numbers: {kind: integer_generator, config: {count: "${n}"}}
  texts:   {kind: to_string, from: numbers}
  digests: {kind: md5_hash, from: texts}
`

// call runs one command line in the current folder.
func call(t *testing.T, e engine, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = execute(t.Context(), args, streams{in: strings.NewReader(""), out: &stdout, err: &stderr}, e)
	return code, stdout.String(), stderr.String()
}

func TestExitCodesAndTexts(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "sound.yaml", sound)
	write(t, "bad.yaml", "recipe: bad\nnodes:\n  a: {kind: md5hash, from: b}\n")
	write(t, "messy.yaml", "nodes:\n    n: {kind:   stdin}\nrecipe: messy\n")
	write(t, "broken.yaml", "nodes: {a: [}\n")
	write(t, "two/sub.yaml", "recipe: sub\ninputs:\n  in: {type: string}\nnodes:\n  h: {kind: md5_hash, from: inputs.in}\noutputs:\n  out: {from: h}\n")
	write(t, "two/top.yaml", sound+"  sub: {kind: \"recipe:./sub.yaml\", from: texts}\n")
	write(t, "two/away.yaml", sound+"  sub: {kind: \"recipe:../../elsewhere.yaml\", from: texts}\n")
	for _, c := range []struct {
		args      string
		code      int
		out, errs string // parts that must be there
	}{
		{"", 0, "Usage: sluice", ""},
		{"--help", 0, "Exit codes: 0 done", ""},
		{"version", 0, "sluice ", ""},
		{"nonsense", 3, "", "unexpected argument nonsense"},
		{"plan", 3, "", "sluice plan --help"},
		{"plan sound.yaml --format=svg", 3, "", "--format"},
		{"validate sound.yaml", 0, "sound.yaml: sound: 3 steps, 2 edges", ""},
		{"validate -q sound.yaml", 0, "", ""},
		{"validate missing.yaml", 3, "", "missing.yaml: no such file"},
		{"validate .", 3, "", "is a folder"},
		{"validate bad.yaml", 2, "", "bad.yaml:3:13: SL201: unknown kind md5hash; did you mean md5_hash?"},
		{"validate sound.yaml bad.yaml", 2, "sound.yaml: sound", "SL201"},
		{"validate --json bad.yaml", 2, `{"code":"SL201","file":"bad.yaml","line":3`, ""},
		{"validate sound.yaml -p n=x", 2, "", "SL113"},
		{"validate sound.yaml -p n", 3, "", "NAME=VALUE"},
		{"validate sound.yaml -p n=1 -p n=2", 3, "", "given twice"},
		{"validate sound.yaml -p m=1", 2, "", "SL114"},
		{"validate two/top.yaml", 0, "sound: 4 steps", ""},
		{"validate two/away.yaml", 2, "", "SL101"},
		{"plan sound.yaml", 0, "sluice.{job}.e1", ""},
		{"plan sound.yaml -f mermaid", 0, "flowchart LR", ""},
		{"plan sound.yaml -f dot", 0, "digraph", ""},
		{"plan bad.yaml", 2, "", "SL201"},
		{"kinds", 0, "md5_hash", ""},
		{"kinds md5_hash", 0, "d41d8cd98f00b204e9800998ecf8427e", ""},
		{"kinds md5_hash --json", 0, `"kind": "md5_hash"`, ""},
		{"kinds md5hash", 3, "", "did you mean md5_hash?"},
		{"kinds list", 0, "md5_hash", ""},
		{"kinds show md5_hash", 0, "d41d8cd98f00b204e9800998ecf8427e", ""},
		{"kinds show", 3, "", "list, show KIND, or KIND"},
		{"--version", 0, "sluice ", ""},
		{"help", 0, "Usage: sluice", ""},
		{"help run", 0, "Usage: sluice run", ""},
		{"validate two/top.yaml --root nowhere", 3, "", "--root nowhere"},
		{"validate two/top.yaml --root sound.yaml", 3, "", "--root sound.yaml is not a folder"},
		{"run sound.yaml --workers=-1", 3, "", "--workers is -1"},
		{"kinds zzzzzzzz", 3, "", "sluice kinds lists them"},
		{"fmt messy.yaml", 0, "recipe: messy\nnodes:\n  n: {kind: stdin}\n", ""},
		{"fmt -d messy.yaml", 0, "+  n: {kind: stdin}", ""},
		{"fmt --check messy.yaml sound.yaml", 1, "messy.yaml\n", ""},
		{"fmt --check sound.yaml", 0, "", ""},
		{"fmt -w -d sound.yaml", 3, "", "can't be used together"},
		{"fmt broken.yaml", 2, "", "broken.yaml:1:1: SL001: the text is not YAML"},
		{"completion bash", 0, "complete -o default -F _sluice sluice", ""},
		{"completion tcsh", 3, "", "tcsh"},
		{"run sound.yaml --resume", 3, "", "--resume needs --data-dir"},
		{"run bad.yaml", 2, "", "SL201"},
		{"run sound.yaml --frame-records=1000", 3, "", "from 1 to 256"},
		{"run sound.yaml --allow-net=nowhere", 3, "", "\"nowhere\" is no network; one is written like 10.0.0.0/8"},
		{"dead list", 3, "", "--data-dir"},
		{"run sound.yaml --data-dir=", 3, "", "sluice: --data-dir is empty"},
		{"run sound.yaml --json --data-dir=", 3, "", "--data-dir is empty"},
		{"run sound.yaml --root=", 3, "", "--root is empty"},
		{"test sound.yaml --root=", 3, "", "--root is empty"},
		{"plan sound.yaml --root=", 3, "", "--root is empty"},
		{"validate sound.yaml --root=", 3, "", "--root is empty"},
		{"dead list --data-dir=", 3, "", "--data-dir is empty"},
		{"dead show --data-dir= 1.0-0-0.1", 3, "", "--data-dir is empty"},
		{"dead replay --data-dir d --root=", 3, "", "--root is empty"},
		{"run sound.yaml --seed -1", 3, "", "--seed: -1 is no seed, which is a whole number from 0 to 18446744073709551615\n"},
		{"plan sound.yaml --seed=-1", 3, "", "--seed: -1 is no seed, which"},
		{"plan sound.yaml --seed x", 3, "", "--seed: x is no seed, which"},
		{"plan sound.yaml --seed", 3, "", "--seed: a whole number is wanted"},
		{"plan sound.yaml --seed 18446744073709551615", 0, "seed 18446744073709551615", ""},
	} {
		code, out, errs := call(t, engine{}, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("sluice %s: got %d, stdout %q, stderr %q; want %d, %q, %q", c.args, code, out, errs, c.code, c.out, c.errs)
		}
		if c.out == "" && out != "" {
			t.Errorf("sluice %s: got %q on stdout, want nothing", c.args, out)
		}
	}
}

func TestPlanIsTheSameEveryTime(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "sound.yaml", sound)
	_, first, _ := call(t, engine{}, "plan", "sound.yaml", "-f", "json")
	var plan recipe.Plan
	if err := json.Unmarshal([]byte(first), &plan); err != nil {
		t.Fatal(err)
	}
	if len(plan.Steps) != 3 || plan.Recipe != "sound" {
		t.Errorf("got %d steps of %q", len(plan.Steps), plan.Recipe)
	}
	for range 20 {
		if _, again, _ := call(t, engine{}, "plan", "sound.yaml", "-f", "json"); again != first {
			t.Fatalf("got another plan:\n%s\n%s", first, again)
		}
	}
	if code, _, errs := call(t, engine{}, "plan", "sound.yaml", "-f", "json", "-o", "plan.json"); code != 0 {
		t.Fatal(errs)
	}
	if text, err := os.ReadFile("plan.json"); err != nil || string(text) != first {
		t.Errorf("got %q, %v from -o", text, err)
	}
}

func TestFmtWrite(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "messy.yaml", "nodes:\n    n: {kind:   stdin}\nrecipe: messy\n")
	if err := os.Chmod("messy.yaml", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("messy.yaml", "link.yaml"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if code, _, errs := call(t, engine{}, "fmt", "-w", "link.yaml"); code != 0 {
			t.Fatal(errs)
		}
	}
	text, err := os.ReadFile("messy.yaml")
	if err != nil || string(text) != "recipe: messy\nnodes:\n  n: {kind: stdin}\n" {
		t.Errorf("got %q, %v", text, err)
	}
	info, err := os.Lstat("link.yaml")
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("got mode %v, %v for the link", info.Mode(), err)
	}
	if info, err := os.Stat("messy.yaml"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
	if rest, _ := filepath.Glob(".*"); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

func TestNewWritesSoundRecipes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, template := range []string{"lines", "json", "csv", "feed", "part"} {
		name := "my-" + template
		if code, _, errs := call(t, engine{}, "new", name, "-t", template); code != 0 {
			t.Fatal(errs)
		}
		want := name + ".yaml: sound: "
		if template == "part" {
			want = name + ".yaml: sound part: 2 steps, 1 edge, open: in (string) → out (string)\n"
		}
		if code, out, errs := call(t, engine{}, "validate", name+".yaml"); code != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("%s: got %d, %q, %s, want %q", template, code, out, errs, want)
		}
		if code, out, errs := call(t, engine{}, "fmt", "--check", name+".yaml"); code != 0 {
			t.Errorf("%s is not laid out as fmt does: %s%s", template, out, errs)
		}
	}
	if code, _, errs := call(t, engine{}, "new", "my-lines"); code != 3 || !strings.Contains(errs, "exists") {
		t.Errorf("got %d, %q for a file that exists", code, errs)
	}
	if code, _, errs := call(t, engine{}, "new", "../Bad Name"); code != 3 || !strings.Contains(errs, "name") {
		t.Errorf("got %d, %q for a bad name", code, errs)
	}
	if code, out, _ := call(t, engine{}, "new", "x", "-o", "-"); code != 0 || !strings.HasPrefix(out, "recipe: x\n") {
		t.Errorf("got %d, %q for -o -", code, out)
	}
}

func TestComplete(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "sound.yaml", sound)
	for line, want := range map[string]string{
		"plan --format=m":          "--format=mermaid",
		"plan --format = m":        "mermaid",
		"plan --format =":          "dot json mermaid text",
		"run sound.yaml --tap ":    "digests numbers texts",
		"run sound.yaml --tap=t":   "--tap=texts",
		"run sound.yaml -p ":       "n=",
		"kinds show md5":           "md5_hash",
		"kinds sho":                "show",
		"va":                       "validate",
		"plan --form":              "--format",
		"plan --format ":           "dot json mermaid text",
		"plan --format m":          "mermaid",
		"plan -p x=y --format d":   "dot",
		"kinds md5":                "md5_hash",
		"dead re":                  "replay",
		"completion ":              "bash fish zsh",
		"run a.yaml --fail":        "--fail-on-dead",
		"run ":                     "",
		"nothing --such ":          "",
		"run --quiet --progress b": "bar",
	} {
		words := strings.Split(line, " ")
		code, out, errs := call(t, engine{}, append([]string{"__complete", "--"}, words...)...)
		if got := strings.Join(strings.Fields(out), " "); code != 0 || got != want {
			t.Errorf("%q: got %q (%d %s), want %q", line, got, code, errs, want)
		}
	}
}

// TestRunEnds gives each end that a job can have to run, and looks at its exit code.
func TestRunEnds(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "sound.yaml", sound)
	last := func(state recipe.JobState, dead int64, reason string) starter {
		return func(_ context.Context, j job) (recipe.Progress, error) {
			p := recipe.Progress{Job: "j", Recipe: j.plan.Recipe, State: recipe.JobRunning, Fraction: 0.5, Elapsed: time.Second,
				Steps: []recipe.StepProgress{{Node: "numbers", Kind: "integer_generator", Role: recipe.RoleSource, In: 1000, Out: 1000, Dead: dead}}}
			j.show(p)
			if _, err := j.out.Write([]byte("printed\n")); err != nil {
				return p, err
			}
			p.State, p.Fraction, p.Reason = state, 1, reason
			return p, nil
		}
	}
	for _, c := range []struct {
		name  string
		start starter
		args  string
		code  int
		errs  []string
	}{
		{"done", last(recipe.JobSucceeded, 0, ""), "", 0, []string{"sound: running, 50%", "sound: succeeded after 1.0s, 1,000 records read", "integer_generator"}},
		{"dead letters", last(recipe.JobSucceeded, 2, ""), "", 0, nil},
		{"fail on dead", last(recipe.JobSucceeded, 2, ""), "--fail-on-dead", 1, []string{"2 records became dead letters"}},
		{"fail on one dead", last(recipe.JobSucceeded, 1, ""), "--fail-on-dead", 1, []string{"1 record became a dead letter"}},
		{"failed", last(recipe.JobFailed, 0, "edge e2 does not balance"), "", 1, []string{"failed: edge e2 does not balance"}},
		{"failed, quiet", last(recipe.JobFailed, 0, "edge e2 does not balance"), "-q", 1, []string{"sluice: sound: edge e2 does not balance"}},
		{"stopped", last(recipe.JobStopped, 0, ""), "--data-dir d", 130, []string{"--data-dir d --resume"}},
		{"stopped, nothing kept", last(recipe.JobStopped, 0, ""), "", 130, []string{"stopped before the end"}},
		{"cancelled", last(recipe.JobCancelled, 0, ""), "", 130, []string{"stopped before the end"}},
		{"events", last(recipe.JobSucceeded, 0, ""), "--json", 0, []string{`{"event":"progress",`, `{"event":"end",`, `"state":"succeeded"`}},
		{"no start", func(context.Context, job) (recipe.Progress, error) { return recipe.Progress{}, errors.New("disk full") }, "", 1, []string{"sluice: disk full"}},
		{"refused start", func(context.Context, job) (recipe.Progress, error) {
			return recipe.Progress{}, usagef("an unfinished job is in d")
		}, "", 3, []string{"unfinished job"}},
	} {
		code, out, errs := call(t, engine{start: c.start}, append([]string{"run", "sound.yaml"}, strings.Fields(c.args)...)...)
		if code != c.code {
			t.Errorf("%s: got exit code %d, want %d: %s", c.name, code, c.code, errs)
		}
		for _, want := range c.errs {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: got %q on stderr, want %q in it", c.name, errs, want)
			}
		}
		if out != "" && out != "printed\n" {
			t.Errorf("%s: got %q on stdout", c.name, out)
		}
	}
}

func TestInterrupts(t *testing.T) {
	ctx, stop, release := interrupts(t.Context(), nil)
	defer release()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-stop
	if ctx.Err() != nil {
		t.Error("the first Ctrl-C ended the context, it should only ask to stop")
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
