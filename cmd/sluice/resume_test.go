package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/bus"
)

// long takes some seconds, unless n is small, and prints as it goes.
const long = `recipe: long
params:
  out: {type: string, default: out.txt}
  n:   {type: int, default: 20000}
nodes:
  numbers: {kind: integer_generator, config: {count: "${n}", seed: 1}}
  slow:    {kind: throttle, from: numbers, config: {rate: 10000}}
  texts:   {kind: to_string, from: slow}
  out:     {kind: file_writer, from: texts, config: {path: "${out}"}}
  shown:   {kind: printer, from: texts}
`

// interrupted runs a command line until the job prints, and interrupts it then.
func (f *folder) interrupted(args ...string) result {
	f.t.Helper()
	return f.signalled(exec.Command(f.binary, args...), os.Interrupt)
}

// signalled runs a command until it prints, and sends it a signal then.
func (f *folder) signalled(cmd *exec.Cmd, sig os.Signal) result {
	f.t.Helper()
	cmd.Dir = f.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		f.t.Fatalf("%v printed nothing: %v\n%s", cmd, err, errs.String())
	}
	if err := cmd.Process.Signal(sig); err != nil {
		f.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		f.t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		f.t.Fatal(err)
	}
	return result{code: cmd.ProcessState.ExitCode(), errs: errs.String()}
}

// TestHintGoesOn pastes what an interrupted job says into a shell: it ends the job, under
// the same root and with the same parameters.
func TestHintGoesOn(t *testing.T) {
	f := newFolder(t, map[string]string{"long.yaml": long, "b/keep": ""})
	f.must(0, "", "run long.yaml -q -p out=whole.txt")
	r := f.interrupted("run", "long.yaml", "-p", "out=it's here.txt", "--root", "b", "--data-dir", "d", "--log-level", "error")
	_, hint, ok := strings.Cut(r.errs, "go on with: ")
	if r.code != 130 || !ok {
		t.Fatalf("got %d, %s", r.code, r.errs)
	}
	if code, out := shell(t, strings.TrimSpace(hint), f.dir, filepath.Dir(f.binary)); code != 0 {
		t.Fatalf("%s: got %d: %s", hint, code, out)
	}
	if f.read("b/it's here.txt") != f.read("whole.txt") {
		t.Error("the job wrote another file than one that was not interrupted")
	}
}

// TestResumeIsOfTheSameJob asks a folder with an unfinished job to go on with others:
// nothing is touched, and the job can still go on.
func TestResumeIsOfTheSameJob(t *testing.T) {
	f := newFolder(t, map[string]string{
		"long.yaml":   long,
		"other.yaml":  strings.Replace(long, "recipe: long", "recipe: other", 1),
		"edited.yaml": strings.Replace(long, "rate: 10000", "rate: 10001", 1),
		"same.yaml":   "# a comment changes nothing\n" + long,
		"b/keep":      "",
	})
	if r := f.interrupted("run", "long.yaml", "--data-dir", "d"); r.code != 130 {
		t.Fatalf("got %d, %s", r.code, r.errs)
	}
	before := f.files()
	for args, want := range map[string]string{
		"long.yaml --root b":         "under the root " + resolvedDir(t, f.dir),
		"other.yaml":                 "asked for is recipe other",
		"edited.yaml":                "the recipe was changed since",
		"long.yaml -p out=other.txt": `the parameter out is "out.txt", here "other.txt"`,
		"long.yaml --seed 7":         "the seed is 0, here 7",
	} {
		r := f.must(3, "", "run "+args+" --data-dir d --resume")
		if !strings.Contains(r.errs, want) || r.out != "" {
			t.Errorf("%s: got %q, want %q in it", args, r.errs, want)
		}
	}
	if after := f.files(); after != before {
		t.Errorf("refusing changed the files from\n%s\nto\n%s", before, after)
	}
	f.must(0, "", "run same.yaml -q --data-dir d --resume --frame-records 7")
	if n := strings.Count(f.read("out.txt"), "\n"); n != 20000 {
		t.Errorf("got %d lines", n)
	}

	// At its end it is another job's folder no less.
	f.must(3, "", "run other.yaml --data-dir d --resume")
	f.must(3, "", "run long.yaml -p n=5 --data-dir d --resume")
	if r := f.must(0, "", "run long.yaml --data-dir d --resume"); !strings.Contains(r.errs, "nothing was run") {
		t.Errorf("got %q", r.errs)
	}
}

// files lists the folder's own files; the store's are the store's business.
func (f *folder) files() string {
	f.t.Helper()
	all, err := filepath.Glob(filepath.Join(f.dir, "*"))
	if err != nil {
		f.t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(f.dir, ".*"))
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Join(append(all, hidden...), "\n")
}

func resolvedDir(t *testing.T, dir string) string {
	t.Helper()
	abs, err := resolved(dir)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

func TestResumeOfAFailedJob(t *testing.T) {
	f := newFolder(t, map[string]string{"gone.yaml": "recipe: gone\nnodes:\n  lines: {kind: file_reader, config: {path: gone.txt}}\n  out: {kind: printer, from: lines}\n"})
	f.must(1, "", "run gone.yaml --data-dir d")
	writeIn(t, f.dir, "gone.txt", "here\n")
	const want = "this job failed earlier; run without --resume to start anew"
	for _, args := range []string{"", " -q", " --json"} {
		if r := f.must(1, "", "run gone.yaml --data-dir d --resume"+args); !strings.Contains(r.errs, want) || !strings.Contains(r.errs, "gone.txt") {
			t.Errorf("%s: got %q", args, r.errs)
		}
	}
	if r := f.must(0, "", "run gone.yaml -q --data-dir d"); r.out != "here\n" {
		t.Errorf("got %q", r.out)
	}
}

// TestClosedStdout takes the first line and goes: the job comes to rest, its temporary
// store is removed, and with a data folder it goes on with what was not read.
func TestClosedStdout(t *testing.T) {
	f := newFolder(t, map[string]string{"long.yaml": long, "tmp/keep": "", "tests.yaml": manyTests()})
	t.Setenv("TMPDIR", filepath.Join(f.dir, "tmp"))
	for _, args := range []string{"run long.yaml -q -p n=100000", "run long.yaml -p n=100000 --data-dir d", "run long.yaml -q -p n=100000 --tap texts", "test tests.yaml"} {
		code, out := shell(t, "sluice "+args+" | head -n 1; exit ${PIPESTATUS[0]}", f.dir, filepath.Dir(f.binary))
		if code != 130 || !strings.Contains(string(out), "stdout was closed") {
			t.Errorf("%s: got %d, %s", args, code, out)
		}
		if left, _ := filepath.Glob(filepath.Join(f.dir, "tmp", "*")); len(left) != 1 {
			t.Errorf("%s: left behind: %v", args, left)
		}
	}
}

// TestClosedTerminal hangs up on a job: it comes to rest and its temporary store is removed, but
// one that is to outlive its terminal goes on to its end.
func TestClosedTerminal(t *testing.T) {
	f := newFolder(t, map[string]string{"long.yaml": long, "tmp/keep": ""})
	t.Setenv("TMPDIR", filepath.Join(f.dir, "tmp"))
	if r := f.signalled(exec.Command(f.binary, "run", "long.yaml"), syscall.SIGHUP); r.code != 130 && !signal.Ignored(syscall.SIGHUP) {
		t.Errorf("got %d, %s", r.code, r.errs)
	}
	if left, _ := filepath.Glob(filepath.Join(f.dir, "tmp", "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	kept := exec.Command("sh", "-c", `trap "" HUP; exec "$0" run long.yaml -p n=5000`, f.binary)
	if r := f.signalled(kept, syscall.SIGHUP); r.code != 0 {
		t.Errorf("with the signal ignored: got %d, %s", r.code, r.errs)
	}
}

// manyTests is a recipe with more tests than a pipe's reader will wait for.
func manyTests() string {
	text := "recipe: many\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  s: {kind: to_string, from: n}\n  o: {kind: printer, from: s}\ntests:\n"
	for i := range 20 {
		text += fmt.Sprintf("  - {name: test %d, given: {n: [1]}, expect: {s: ['1']}}\n", i)
	}
	return text
}

// TestReplayGoesOn looks at the command that an interrupted replay says.
func TestReplayGoesOn(t *testing.T) {
	r := deadReplayCmd{DataDir: "my data", IDs: []string{"1.0-0-0.1"}, Node: "ints", Force: true}
	r.Root = "/var/log"
	var n network
	if err := n.UnmarshalText([]byte("10.1.2.3")); err != nil {
		t.Fatal(err)
	}
	r.AllowNet = []network{n}
	want := "sluice dead replay --data-dir 'my data' --root /var/log --allow-net 10.1.2.3/32 --node ints --force"
	if got := r.again(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestShellLine(t *testing.T) {
	got := commandLine{"run", "a b.yaml", "-p", "x=it's", "--tap", "", "--", "$f"}.again()
	if want := `sluice run 'a b.yaml' -p 'x=it'\''s' --tap '' --resume -- '$f'`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestDifference compares plans as they are stored: read from JSON, with its escapes.
func TestDifference(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.yaml", "recipe: a\nparams: {big: {type: int, default: 9007199254740993}, s: {type: string, default: '<&>'}}\nnodes:\n"+
		"  lines: {kind: file_reader, config: {path: '${s}'}}\n  n: {kind: filter, from: lines, config: {expr: 'len(record) < ${big}'}}\n")
	plan, err := compileFile("a.yaml", ".", nil, compileFlags{frame: 3, seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(&bus.JobRecord{Plan: plan})
	if err != nil {
		t.Fatal(err)
	}
	var rec bus.JobRecord
	if err := json.Unmarshal(text, &rec); err != nil {
		t.Fatal(err)
	}
	stored := rec.Plan
	c := runCmd{}
	if got, err := c.difference(stored, plan); got != "" || err != nil {
		t.Errorf("got %q, %v for the same plan", got, err)
	}
	again, err := compileFile("a.yaml", ".", nil, compileFlags{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.difference(stored, again); got != "" || err != nil {
		t.Errorf("got %q, %v for other frames and no seed", got, err)
	}
}

// TestHintsAreCommands asks in several ways for what a stopped job is in the way of: each is
// told the command that goes on with it, from where it is asked.
func TestHintsAreCommands(t *testing.T) {
	f := newFolder(t, map[string]string{"long.yaml": long, "sub/keep": ""})
	if r := f.interrupted("run", "long.yaml", "--data-dir", "d", "-p", "n=9000", "-q"); r.code != 130 {
		t.Fatalf("got %d, %s", r.code, r.errs)
	}
	want := "go on with: sluice run long.yaml --data-dir d -p n=9000 -q --resume"
	for _, args := range []string{"dead replay --data-dir d", "run long.yaml --data-dir d", "run long.yaml -p n=9000 --data-dir d --resume --root sub"} {
		if r := f.must(3, "", args); !strings.Contains(r.errs, want) {
			t.Errorf("%s: got %q, want %q in it", args, r.errs, want)
		}
	}
	code, out := shell(t, "cd sub && sluice dead replay --data-dir ../d", f.dir, filepath.Dir(f.binary))
	_, hint, ok := strings.Cut(string(out), "go on with: ")
	if code != 3 || !ok {
		t.Fatalf("got %d, %s", code, out)
	}
	if code, out := shell(t, strings.TrimSpace(hint), filepath.Join(f.dir, "sub"), filepath.Dir(f.binary)); code != 0 {
		t.Fatalf("%s: got %d: %s", hint, code, out)
	}
	if n := strings.Count(f.read("out.txt"), "\n"); n != 9000 {
		t.Errorf("got %d lines", n)
	}
}

// TestGoOnLine looks at the hints for jobs that a test can't well interrupt.
func TestGoOnLine(t *testing.T) {
	replay := bus.Origin{Root: "/r", Folder: "/f", Args: []string{"dead", "replay", "1.0-0-0.1", "--data-dir=old", "--force", "--root", "x", "--allow-net", "10.0.0.0/8", "-q"}}
	here := bus.Origin{Root: "/f", Folder: "/f"}
	for _, c := range []struct {
		rec  bus.JobRecord
		want string
	}{
		{bus.JobRecord{}, "sluice run RECIPE --data-dir d --resume"},
		{bus.JobRecord{Parent: "p"}, "sluice dead replay --data-dir d"},
		{bus.JobRecord{Parent: "p", Origin: replay}, "sluice dead replay --data-dir d --root /r --allow-net 10.0.0.0/8 --force"},
		{bus.JobRecord{Parent: "p", Origin: bus.Origin{Root: "/f", Folder: "/g", Args: []string{"dead", "replay", "--data-dir=old"}}}, "sluice dead replay --data-dir d"},
		{bus.JobRecord{Origin: bus.Origin{Folder: "/g g", Args: []string{"run", "a.yaml"}}}, "cd '/g g' && sluice run a.yaml --resume"},
	} {
		if got := goOnLine(&c.rec, here, "d"); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
