package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/recipe"
)

// folder is where the jobs of these tests run: a folder of its own, with the real binary.
type folder struct {
	t      *testing.T
	dir    string
	binary string
	env    []string
}

func newFolder(t *testing.T, files map[string]string) *folder {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the command and runs jobs")
	}
	f := &folder{t: t, binary: filepath.Join(binary(t), "sluice"), dir: t.TempDir()}
	for name, text := range files {
		writeIn(t, f.dir, name, text)
	}
	return f
}

// result is what one command line did.
type result struct {
	code      int
	out, errs string
}

func (f *folder) run(stdin, args string) result {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute) // none hangs
	defer cancel()
	cmd := exec.CommandContext(ctx, f.binary, strings.Fields(args)...)
	cmd.Dir, cmd.Stdin = f.dir, strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(append(os.Environ(), "SLUICE_SECRET_API_KEY=pepper"), f.env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.t.Fatalf("sluice %s: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// must runs a command line and wants an exit code.
func (f *folder) must(code int, stdin, args string) result {
	f.t.Helper()
	r := f.run(stdin, args)
	if r.code != code {
		f.t.Fatalf("sluice %s: got exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", args, r.code, code, r.out, r.errs)
	}
	return r
}

func (f *folder) read(name string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

const pipe = `recipe: pipe
nodes:
  lines: {kind: stdin}
  ints:  {kind: parse_int, from: lines}
  texts: {kind: to_string, from: ints}
  keyed: {kind: hmac, from: texts, config: {key: "${secret:api-key}"}}
  out:   {kind: printer, from: texts}
  file:  {kind: file_writer, from: keyed, config: {path: out.txt}}
`

func TestRunStreams(t *testing.T) {
	f := newFolder(t, map[string]string{"pipe.yaml": pipe})
	r := f.must(0, "1\n2\nx\n3\n", "run pipe.yaml")
	if r.out != "1\n2\n3\n" {
		t.Errorf("got %q on stdout, want what the printer prints and nothing else", r.out)
	}
	for _, want := range []string{"pipe: succeeded", "hmac", "dead"} {
		if !strings.Contains(r.errs, want) {
			t.Errorf("got %q on stderr, want %q in it", r.errs, want)
		}
	}
	plain := f.read("out.txt")
	if len(strings.Fields(plain)) != 3 || strings.Contains(r.errs, "pepper") {
		t.Errorf("got %q in the file", plain)
	}
	if r := f.must(0, "1\n2\n", "run pipe.yaml --progress bar"); r.out != "1\n2\n" {
		t.Errorf("with a bar on stderr: got %q on stdout", r.out)
	}
	if r := f.must(0, "1\n2\n", "run pipe.yaml -q"); r.out != "1\n2\n" || r.errs != "" {
		t.Errorf("quiet: got %q on stdout, %q on stderr", r.out, r.errs)
	}
}

func TestRunTaps(t *testing.T) {
	f := newFolder(t, map[string]string{"pipe.yaml": pipe})
	r := f.must(0, "1\n2\n", "run pipe.yaml -q --tap lines --tap texts.out")
	got := strings.Fields(strings.ReplaceAll(r.out, ": ", ":"))
	slices.Sort(got)
	if want := []string{"1", "2", "lines:1", "lines:2", "texts.out:1", "texts.out:2"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := f.must(3, "", "run pipe.yaml --tap text"); !strings.Contains(r.errs, "did you mean texts?") {
		t.Errorf("got %q for a tap that is no node", r.errs)
	}
}

func TestRunEvents(t *testing.T) {
	f := newFolder(t, map[string]string{"pipe.yaml": pipe})
	r := f.must(0, "1\n2\nx\n", "run pipe.yaml --json")
	var last struct {
		Event string `json:"event"`
		recipe.Progress
	}
	for line := range strings.Lines(r.errs) {
		last.Progress = recipe.Progress{}
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%q is no event: %v", line, err)
		}
	}
	if last.Event != "end" || last.State != recipe.JobSucceeded || last.Read() != 3 || last.Dead() != 1 || last.Fraction != 1 {
		t.Errorf("got %+v as the last event", last)
	}
}

func TestRunExitCodes(t *testing.T) {
	f := newFolder(t, map[string]string{
		"pipe.yaml":    pipe,
		"bad.yaml":     strings.Replace(pipe, "to_string", "tostring", 1),
		"gone.yaml":    "recipe: gone\nnodes:\n  lines: {kind: file_reader, config: {path: gone.txt}}\n  out: {kind: printer, from: lines}\n",
		"strict.yaml":  strings.Replace(pipe, "from: lines}", "from: lines, on_error: fail}", 1),
		"limited.yaml": strings.Replace(pipe, "from: lines}", "from: lines, max_dead: 1}", 1),
		"secret.yaml":  strings.Replace(pipe, "api-key", "other", 1),
	})
	for _, c := range []struct {
		args string
		code int
		errs string
	}{
		{"pipe.yaml", 0, ""},
		{"pipe.yaml --fail-on-dead", 1, "2 records became dead letters"},
		{"bad.yaml", 2, "SL201"},
		{"gone.yaml", 1, "gone.txt"},
		{"strict.yaml", 1, "node ints"},
		{"limited.yaml", 1, "max_dead"},
		{"secret.yaml", 1, "SLUICE_SECRET_OTHER"},
		{"pipe.yaml --root nowhere", 3, "--root nowhere"},
		{"pipe.yaml --no-such-flag", 3, "--no-such-flag"},
	} {
		if r := f.must(c.code, "1\nx\ny\n", "run "+c.args); !strings.Contains(r.errs, c.errs) {
			t.Errorf("run %s: got %q on stderr, want %q in it", c.args, r.errs, c.errs)
		}
	}
}

func TestDeadLetters(t *testing.T) {
	f := newFolder(t, map[string]string{
		"pipe.yaml":    pipe,
		"ordered.yaml": strings.Replace(pipe, "from: ints}", "from: sums}\n  sums:  {kind: rolling_sum, from: ints, config: {values_to_keep: 2}}", 1),
	})
	f.must(3, "", "dead list --data-dir none")
	f.must(0, "1\nx\n2\ny\x1b[31m\n", "run pipe.yaml -q --data-dir d")
	table := f.must(0, "", "dead list --data-dir d").out
	if !strings.Contains(table, "ATTEMPTS") || strings.Count(table, "ints") != 2 || strings.Contains(table, "\x1b") {
		t.Errorf("got table\n%s", table)
	}
	var rows []listed
	for line := range strings.Lines(f.must(0, "", "dead list --data-dir d --json --node ints").out) {
		var row listed
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b listed) int { return strings.Compare(a.Reason, b.Reason) }) // frames end in any order
	if len(rows) != 2 || rows[0].Node != "ints" || rows[0].Attempts != 1 || !strings.Contains(rows[0].Reason, "x") {
		t.Fatalf("got %+v", rows)
	}
	show := f.must(0, "", "dead show --data-dir d "+rows[0].ID).out
	if !strings.Contains(show, `"x"`) || !strings.Contains(show, "ints (parse_int)") {
		t.Errorf("got letter\n%s", show)
	}
	if r := f.must(0, "", "dead show --json --data-dir d "+rows[1].ID); !strings.Contains(r.out, `"record":"y\u001b[31m"`) {
		t.Errorf("got letter %s", r.out)
	}
	if r := f.must(3, "", "dead show --data-dir d 9.9.9"); !strings.Contains(r.errs, "no dead letter 9.9.9") {
		t.Errorf("got %q", r.errs)
	}

	// One, then the rest; each only once. What they become is appended.
	before := f.read("out.txt")
	if r := f.must(0, "", "dead replay --data-dir d "+rows[0].ID); !strings.Contains(r.errs, "replayed: 1") {
		t.Errorf("got %q", r.errs)
	}
	f.must(3, "", "dead replay --data-dir d "+rows[0].ID)
	// What was given up again is a letter like any other.
	if r := f.must(0, "", "dead replay --data-dir d --node ints"); !strings.Contains(r.errs, "replayed: 2") || !strings.Contains(r.errs, "dead: ints: ") {
		t.Errorf("got %q", r.errs)
	}
	if r := f.must(1, "", "dead replay --data-dir d --fail-on-dead -q"); r.errs != "2 records became dead letters; listed by: sluice dead list --data-dir d\nsluice: 2 records became dead letters, and --fail-on-dead is given\n" {
		t.Errorf("got %q", r.errs)
	}
	if after := f.read("out.txt"); after != before {
		t.Errorf("replays without results changed the file from %q to %q", before, after)
	}
	// The folder's job is still the first: resuming it writes nothing.
	if r := f.must(0, "", "run pipe.yaml -q --data-dir d --resume"); r.out != "" {
		t.Errorf("resuming what is done: got %q", r.out)
	}

	f.must(0, "1\nx\n2\n", "run ordered.yaml -q --data-dir o")
	if r := f.must(3, "", "dead replay --data-dir o"); !strings.Contains(r.errs, "sums") || !strings.Contains(r.errs, "--force") {
		t.Errorf("got %q", r.errs)
	}
	f.must(0, "", "dead replay --data-dir o --force -q")
}

func TestTestCommand(t *testing.T) {
	tests := `tests:
  - {name: keeps numbers, given: {lines: ["1", "2"]}, expect: {texts: ["1", "2"], out: ["1", "2"]}}
  - {name: is wrong, given: {lines: ["1", "x"]}, expect: {ints: [1, 2]}}
`
	f := newFolder(t, map[string]string{"pipe.yaml": pipe + tests, "none.yaml": pipe})
	r := f.must(1, "", "test pipe.yaml")
	for _, want := range []string{"ok    keeps numbers  ", "FAIL  is wrong  ", "--- expected ints.out (pipe.yaml:11)\n      +++ got ints.out\n", "-2\n", "ints gave up records: 1"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("got %q, want %q in it", r.out, want)
		}
	}
	f.must(0, "", "test pipe.yaml --run keeps")
	f.must(3, "", "test pipe.yaml --run nothing")
	if r := f.must(0, "", "test none.yaml"); !strings.Contains(r.errs, "none.yaml: no tests") {
		t.Errorf("got %q", r.errs)
	}
	if _, err := os.Stat(filepath.Join(f.dir, "out.txt")); err == nil {
		t.Error("a test wrote a file")
	}
}
