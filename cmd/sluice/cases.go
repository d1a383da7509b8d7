package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/coordinator/compile"
	"sluice/internal/layout"
	"sluice/internal/progress"
	"sluice/internal/solo"
	"sluice/nodes/all"
	"sluice/nodes/net"
	"sluice/recipe"
)

// testStall is how long a test may stand still before it fails: nothing in a test waits
// for the outside world for longer.
const testStall = 30 * time.Second

// runCases runs the tests of all files, one after the other on one embedded server,
// prints a line for each, and reports whether all passed.
func runCases(ctx context.Context, c testCmd, std streams) (bool, error) {
	suites, err := c.suites(std)
	if err != nil || len(suites) == 0 {
		return err == nil, err
	}
	root, err := os.OpenRoot(c.Root)
	if err != nil {
		return false, usagef("--root %s: %w", c.Root, err)
	}
	defer root.Close()
	host, err := solo.Open(ctx, solo.Config{})
	if err != nil {
		return false, err
	}
	defer host.Close()
	out, release := newOutlet(std.out)
	defer release()
	ctx, stop, release := interrupts(ctx, nil)
	defer release()
	std.out = out
	r := caseRunner{host: host, root: root, stop: stop, out: std, several: len(c.Files) > 1}
	for _, s := range suites {
		for i := range s.cases {
			if err := r.run(ctx, s.file, &s.cases[i]); err != nil {
				return false, err
			}
		}
	}
	if r.failed > 0 {
		fmt.Fprintf(std.err, "%d of %d tests failed\n", r.failed, r.passed+r.failed)
	}
	return r.failed == 0, nil
}

// suite is the tests of one file.
type suite struct {
	file  string
	cases []compile.Case
}

// suites compiles the tests of all files, so that a fault in the last is told before the
// first is run.
func (c *testCmd) suites(std streams) ([]suite, error) {
	var list []suite
	var wrong findings
	found := 0
	for _, file := range c.Files {
		cases, err := c.compile(file, std.in)
		if err := wrong.add(err); err != nil {
			return nil, err
		}
		if err != nil {
			continue
		}
		if len(cases) == 0 {
			fmt.Fprintf(std.err, "%s: no tests; a tests block of the recipe would hold them\n", file)
			continue
		}
		found += len(cases)
		cases = slices.DeleteFunc(cases, func(t compile.Case) bool { return !strings.Contains(t.Name, c.Name) })
		if len(cases) > 0 {
			list = append(list, suite{file, cases})
		}
	}
	if err := wrong.end(std.err); err != nil {
		return nil, err
	}
	if len(list) == 0 && found > 0 {
		return nil, usagef("--run %s: none of the %d tests has a name that contains it", c.Name, found)
	}
	return list, nil
}

func (c *testCmd) compile(file string, stdin io.Reader) ([]compile.Case, error) {
	text, err := readRecipe(file, stdin)
	if err != nil {
		return nil, err
	}
	files, err := openLoader(file, c.Root)
	if err != nil {
		return nil, usagef("%w", err)
	}
	defer files.Close()
	cases, faults := compile.Cases(file, text, compile.Options{Catalogue: all.Catalogue(), Load: files.Load})
	if len(faults) > 0 {
		return nil, faults
	}
	return cases, nil
}

// caseRunner runs tests and counts.
type caseRunner struct {
	host           *solo.Host
	root           *os.Root
	stop           <-chan struct{}
	out            streams
	several        bool // files: the lines name them
	passed, failed int
}

// run runs one test and prints its line. An error means that no test can be run any more.
func (r *caseRunner) run(ctx context.Context, file string, t *compile.Case) error {
	var got compile.Collector
	catalogue, err := all.Catalogue().With(compile.TestKinds(&got)...)
	if err != nil {
		return err
	}
	began := time.Now()
	last, err := r.host.Run(ctx, solo.Config{
		Plan: t.Plan, Job: solo.NewID(), Catalogue: catalogue, Root: r.root, Dial: (&net.Guard{}).Dial, Secret: secretFromEnv,
		Stop: r.stop, Stall: testStall,
	})
	switch {
	case errors.Is(err, context.Canceled) || err == nil && !last.State.Final():
		return exitError{codeInterrupted, errors.New("interrupted")}
	case err != nil:
		return err
	}
	report := differences(file, t, &got, &last)
	verdict := "ok   "
	if report == "" {
		r.passed++
	} else {
		verdict = "FAIL "
		r.failed++
	}
	name := t.Name
	if r.several {
		name = file + ": " + name
	}
	_, err = fmt.Fprintf(r.out.out, "%s %s  %dms\n%s", verdict, name, time.Since(began).Milliseconds(), report)
	if errors.As(err, new(errClosed)) {
		return exitError{codeInterrupted, err}
	}
	return err
}

// differences says what a test got that it did not want, "" when nothing.
func differences(file string, t *compile.Case, got *compile.Collector, last *recipe.Progress) string {
	var b strings.Builder
	if last.State != recipe.JobSucceeded {
		fmt.Fprintf(&b, "%s: %s\n", last.State, last.Reason)
	} else {
		for _, e := range t.Expect {
			if records := got.Records(e.At); !slices.Equal(records, e.Records) {
				b.WriteString(layout.Diff(fmt.Sprintf("expected %s (%s:%d)", e.At, file, t.Place.Line), "got "+e.At, lineEach(e.Records), lineEach(records)))
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	for _, s := range last.Steps {
		if s.Dead > 0 {
			fmt.Fprintf(&b, "%s gave up records: %s\n", s.Node, progress.Count(s.Dead))
		}
	}
	return "      " + strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\n", "\n      ") + "\n"
}

func lineEach(records []string) []byte {
	var b []byte
	for _, r := range records {
		b = append(append(b, r...), '\n')
	}
	return b
}
