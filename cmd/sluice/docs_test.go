package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/internal/bus/bustest"
	"sluice/nodes/all"
)

// The docs are tested as they are read: TestDocs takes every page from top to bottom in
// a copy of the repository, writes the files it shows and runs the commands it names.
//
//	<!-- file: NAME -->        before a block: its text is the file NAME
//	<!-- test: exit N -->      before a ```sh block: its last command ends with N
//	<!-- test: skip WHY -->    before a ```sh block: it needs a terminal, …
//	<!-- test: serve TEXT -->  before a ```sh block: its commands run until the page ends, and the
//	                           next begins when TEXT was said. The usual ports are others in a test
//
// In a ```sh block with lines that begin with "$ ", those are the commands and the
// others show output; without any, every line is a command.

// block is one fenced block of a page.
type block struct {
	line         int
	lang, marker string
	text         []string
}

var marker = regexp.MustCompile(`^<!-- (file|test): (.*) -->$`)

func blocks(page string) []block {
	var all []block
	var open *block
	note := ""
	for i, line := range strings.Split(page, "\n") {
		switch {
		case open != nil && strings.HasPrefix(line, "```"):
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text = append(open.text, line)
		case strings.HasPrefix(line, "```"):
			open = &block{line: i + 2, lang: strings.TrimPrefix(line, "```"), marker: note}
			note = ""
		case marker.MatchString(line):
			m := marker.FindStringSubmatch(line)
			note = m[1] + " " + m[2]
		case strings.TrimSpace(line) != "":
			note = ""
		}
	}
	return all
}

// commands returns the commands of a block; a backslash at the end of a line joins the
// next.
func (b *block) commands() []string {
	prompted := false
	for _, line := range b.text {
		prompted = prompted || strings.HasPrefix(line, "$ ")
	}
	var all []string
	joined := ""
	for _, line := range b.text {
		if joined == "" && prompted {
			var ok bool
			if line, ok = strings.CutPrefix(line, "$ "); !ok {
				continue
			}
		}
		if rest, ok := strings.CutSuffix(line, "\\"); ok {
			joined += rest
			continue
		}
		line, joined = strings.TrimSpace(joined+line), ""
		if line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

func TestBlocks(t *testing.T) {
	page := "# x\n```sh\n$ one \\\n  two\noutput\n```\n<!-- file: a.yaml -->\n```yaml\nn: 1\n```\n<!-- test: exit 2 -->\n\n```sh\n# why\nthree\n\nfour\n```\n"
	got := blocks(page)
	if len(got) != 3 || got[1].marker != "file a.yaml" || got[2].marker != "test exit 2" || got[2].line != 14 {
		t.Fatalf("got %+v", got)
	}
	for i, want := range map[int]string{0: "one   two", 2: "three|four"} {
		if c := strings.Join(got[i].commands(), "|"); c != want {
			t.Errorf("block %d: got %q, want %q", i, c, want)
		}
	}
}

func TestDocs(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command and runs every command of the docs")
	}
	bin := binary(t)
	pages, err := filepath.Glob(filepath.Join(tree, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(pages, filepath.Join(tree, "README.md")) {
		if filepath.Base(file) == contained {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			runPage(t, file, bin)
		})
	}
}

// contained is the page whose commands need a Docker engine.
const contained = "deploy.md"

// TestDeployDocs runs the commands of that page: make contained.
func TestDeployDocs(t *testing.T) {
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no Docker engine answers: %v\n%s", err, out)
		}
		t.Skip("no Docker engine answers")
	}
	t.Cleanup(func() { // what is left of it when it failed
		_ = exec.Command("docker", "rm", "--force", "--volumes", "coordinator", "w1", "w2", "n1", "n2", "n3").Run()
		_ = exec.Command("docker", "network", "rm", "sluice").Run()
	})
	runPage(t, filepath.Join(tree, "docs", contained), binary(t))
}

// tree is where the module is.
var tree = filepath.Join("..", "..")

// runPage runs the commands of a page in a copy of the module.
func runPage(t *testing.T, file, bin string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := blocks(string(text))
	if !slices.ContainsFunc(all, func(b block) bool { return b.lang == "sh" }) {
		return
	}
	dir := t.TempDir()
	copyTree(t, tree, dir)
	page := newPage(t, dir, bin)
	for _, b := range all {
		at := fmt.Sprintf("%s:%d", filepath.Base(file), b.line)
		kind, what, _ := strings.Cut(b.marker, " ")
		switch {
		case kind == "file":
			writeIn(t, dir, what, strings.Join(b.text, "\n")+"\n")
		case b.lang == "sh" && strings.HasPrefix(what, "serve "):
			page.serve(b.commands(), strings.TrimPrefix(what, "serve "))
		case b.lang == "sh" && what == "script":
			if code, out := page.shell("set -e\n" + strings.Join(b.text, "\n")); code != 0 {
				t.Fatalf("%s: got exit code %d:\n%s", at, code, out)
			}
		case b.lang == "sh" && !strings.HasPrefix(what, "skip "):
			page.run(at, b.commands(), what)
		}
	}
}

// binary builds the command, once, and returns the folder that it is in.
func binary(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		dir, err := os.MkdirTemp("", "sluice-bin-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir = dir
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "sluice"), ".").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	})
	return built.dir
}

var built struct {
	sync.Once
	dir string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// page is a page of the docs with the folder that its commands run in.
type page struct {
	*folder
	ports *strings.Replacer // from the usual places to free ones
}

func newPage(t *testing.T, dir, bin string) *page {
	t.Helper()
	free := bustest.FreePorts(t, 3)
	path := bin + string(os.PathListSeparator) + filepath.Join(dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH")
	return &page{
		folder: &folder{t: t, dir: dir, binary: "bash", env: []string{"PATH=" + path, "SLUICE_LISTEN=" + free[0],
			"SLUICE_CONTEXTS=" + filepath.Join(dir, ".contexts.yaml"), "XDG_DATA_HOME=" + filepath.Join(dir, ".data")}},
		ports: strings.NewReplacer("127.0.0.1:8420", free[0], "127.0.0.1:8421", free[1], "127.0.0.1:4222", free[2]),
	}
}

func (p *page) run(at string, commands []string, what string) {
	p.t.Helper()
	want := 0
	if code, ok := strings.CutPrefix(what, "exit "); ok {
		var err error
		if want, err = strconv.Atoi(code); err != nil {
			p.t.Fatalf("%s: %v", at, err)
		}
	}
	for i, c := range commands {
		expect := 0
		if i == len(commands)-1 {
			expect = want
		}
		if code, out := p.shell(c); code != expect {
			p.t.Errorf("%s: %s: got exit code %d, want %d:\n%s", at, c, code, expect, out)
		}
	}
}

// serve runs commands that go on until the page is read.
func (p *page) serve(commands []string, text string) {
	p.t.Helper()
	for _, c := range commands {
		p.startCommand(p.binary, "-c", "exec "+p.ports.Replace(c)).until(text)
	}
}

// shell runs one command and returns its exit code and all it said.
func (p *page) shell(command string) (int, []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.binary, "-o", "pipefail", "-c", p.ports.Replace(command))
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%s: %v", command, err)
	}
	return cmd.ProcessState.ExitCode(), out.Bytes()
}

// shell runs one command in a folder, and returns its exit code and all it said.
func shell(t *testing.T, command, dir, bin string) (int, []byte) {
	t.Helper()
	return newPage(t, dir, bin).shell(command)
}

// copyTree copies what a reader has: the files, without what was built or written.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch top := strings.Split(filepath.ToSlash(rel), "/")[0]; {
		case top == ".git" || top == "bin" || top == "out" || top == ".work":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func writeIn(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestExamples holds every example to compile, to be laid out, to have tests.
func TestExamples(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("got %d examples, %v", len(files), err)
	}
	for _, file := range files {
		if code, _, errs := call(t, engine{}, "validate", file); code != 0 {
			t.Errorf("%s: got %d: %s", file, code, errs)
		}
		if code, out, errs := call(t, engine{}, "fmt", "--check", file); code != 0 {
			t.Errorf("fmt would change %s%s", out, errs)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files, err := openLoader(file, "")
		if err != nil {
			t.Fatal(err)
		}
		cases, faults := compile.Cases(file, text, compile.Options{Catalogue: all.Catalogue(), Load: files.Load})
		if len(cases) == 0 || len(faults) > 0 {
			t.Errorf("%s has %d tests: %v", file, len(cases), faults)
		}
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	}
}
