//go:build linux

package hostile

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/binary"
)

var sluice string // the binary

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("left out: hostile input takes a minute or two")
		return
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sluice-hostile-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil { // other users run it
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if sluice, err = binary.Build(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

const mib = 1 << 20

// want is what a call must come to.
type want struct {
	code int
	says []string // in stderr
	peak int64    // MiB of memory, at most; 0 is 300
}

// check runs the binary in dir and holds it to w.
func check(t *testing.T, c binary.Command, w want) binary.Result {
	t.Helper()
	c.Path = sluice
	r, err := c.Run()
	if err != nil {
		t.Fatal(err)
	}
	if w.peak == 0 {
		w.peak = 300
	}
	t.Logf("peak %d MiB (bound %d), %.1f s: sluice %s", r.Peak/mib, w.peak, r.Took.Seconds(), strings.Join(c.Args, " "))
	if r.Hung {
		t.Errorf("still running after %v", r.Took)
	}
	if r.Code != w.code {
		t.Errorf("exit code %d, want %d", r.Code, w.code)
	}
	if r.Peak > w.peak*mib {
		t.Errorf("peak memory %d MiB, want at most %d", r.Peak/mib, w.peak)
	}
	for _, s := range w.says {
		if !strings.Contains(r.Stderr, s) {
			t.Errorf("stderr does not say %q", s)
		}
	}
	if strings.Contains(r.Stderr, "goroutine ") || strings.Contains(r.Stderr, "panic:") {
		t.Error("it panicked")
	}
	if t.Failed() {
		t.Logf("stderr:\n%.6000s", r.Stderr)
	}
	return r
}

// run runs a recipe in a folder.
func run(t *testing.T, dir, text string, w want, args ...string) binary.Result {
	t.Helper()
	put(t, dir, "r.yaml", text)
	return check(t, binary.Command{Dir: dir, Args: append([]string{"run", "r.yaml", "--progress", "none"}, args...)}, w)
}

// put writes a file.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fill writes a file by a function; nothing of it stays in memory.
func fill(t *testing.T, path string, write func(w io.Writer) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, mib)
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// repeat writes text n times.
func repeat(w io.Writer, text string, n int) error {
	block := strings.Repeat(text, max(1, min(n, 64<<10/len(text))))
	for left := n * len(text); left > 0; {
		piece := block[:min(left, len(block))]
		if _, err := io.WriteString(w, piece); err != nil {
			return err
		}
		left -= len(piece)
	}
	return nil
}

// read returns a small file, "" when it is not there.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// row returns the figures that the table at the end has for a node: in, out, dropped,
// expired, dead.
func row(t *testing.T, r binary.Result, node string) []string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^ +` + node + ` .*$`).FindString(r.Stderr)
	f := strings.Fields(strings.ReplaceAll(m, ",", ""))
	if len(f) < 7 {
		t.Fatalf("the table has no row for %s:\n%.4000s", node, r.Stderr)
	}
	return f[2:7]
}

// says holds text to what it must contain.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in:\n%.2000s", p, text)
		}
	}
}
