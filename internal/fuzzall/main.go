// Command fuzzall finds every fuzz target of the module, runs each for a while and
// prints a table of executions. It exits 1 when a target found something.
//
// Start reading at [find] for what counts as a target and at [fuzz] for a run.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	each := flag.Duration("time", time.Minute, "how long each target runs")
	only := flag.String("only", "", "run targets whose name matches this pattern")
	flag.Parse()
	if err := run(*each, *only, os.Stdout, fuzz); err != nil {
		fmt.Fprintln(os.Stderr, "fuzzall:", err)
		os.Exit(1)
	}
}

func run(each time.Duration, only string, out io.Writer, fuzz func(target, time.Duration) (execs, log string, err error)) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("reading -only: %w", err)
	}
	targets, err := find(".")
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "package\ttarget\texecutions\tresult")
	var broken []string
	for _, t := range targets {
		if !pattern.MatchString(t.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s %s for %s\n", t.dir, t.name, each)
		execs, log, err := fuzz(t, each)
		if err == nil && execs == "0" {
			err = errors.New("it was never executed")
			log += t.name + ": " + err.Error()
		}
		result := "ok"
		if err != nil {
			result = "FAILED"
			broken = append(broken, t.name)
			fmt.Fprintln(os.Stderr, log)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", t.dir, t.name, execs, result)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("there is no fuzz target")
	}
	if len(broken) > 0 {
		return fmt.Errorf("%d targets failed: %s", len(broken), strings.Join(broken, ", "))
	}
	return nil
}

// target is one fuzz function of a package.
type target struct{ dir, name string }

// find returns the fuzz targets below root in the order of their files.
func find(root string) ([]target, error) {
	var found []target
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && isTarget(f) {
				found = append(found, target{"./" + filepath.ToSlash(filepath.Dir(path)), f.Name.Name})
			}
		}
		return nil
	})
	return found, err
}

// isTarget reports whether f is func FuzzXxx(f *testing.F).
func isTarget(f *ast.FuncDecl) bool {
	if !strings.HasPrefix(f.Name.Name, "Fuzz") || len(f.Type.Params.List) != 1 {
		return false
	}
	star, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "F"
}

var executions = regexp.MustCompile(`execs: (\d+)`)

// fuzz runs one target and returns the number of executions that go test reported last,
// and its output.
func fuzz(t target, each time.Duration) (execs, log string, err error) {
	cmd := exec.Command("go", "test", t.dir, "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(),
		"-fuzzminimizetime", minimize(each).String())
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "0", "", err
	}
	if err := cmd.Start(); err != nil {
		return "0", "", fmt.Errorf("starting go test: %w", err)
	}
	execs = "0"
	var all strings.Builder
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if m := executions.FindStringSubmatch(lines.Text()); m != nil {
			execs = m[1]
		}
	}
	return execs, all.String(), ignoreDeadline(cmd.Wait(), all.String())
}

// minimize is how long the fuzzer may try to shorten one input that it likes, a minute
// unless told otherwise: a short run would do nothing else.
func minimize(each time.Duration) time.Duration {
	return min(max(each/20, 100*time.Millisecond), 10*time.Second)
}

// ignoreDeadline forgives the one fault that is not the target's: Go's fuzzer can report
// its own deadline as a failure when the time is up in the middle of an execution. Such
// a report names no failing input.
func ignoreDeadline(err error, log string) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && strings.Contains(log, "context deadline exceeded") &&
		!strings.Contains(log, "Failing input written to") && !strings.Contains(log, "panic") {
		return nil
	}
	return err
}
