package fleet_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/nodes/all"
	"sluice/recipe"
)

// prints runs a job with a printer over lines, and returns what was shown and how many events
// said that lines were not.
func (y *yard) prints(id recipe.JobID, lines string) (shown string, lost int) {
	y.t.Helper()
	y.write("in", lines)
	done := y.run(id, plan(y.t, `
recipe: prints
nodes:
  lines: {kind: file_reader, config: {path: in}}
  show:  {kind: printer, from: lines, config: {prefix: "> "}}
`, all.Catalogue()))
	if end := bustest.Wait(y.t, "the job", done); end.State != recipe.JobSucceeded {
		y.t.Fatalf("got %+v", end)
	}
	y.eventually("the printed lines came", func() bool {
		for len(y.events) > 0 {
			e := <-y.events
			if e.Type != coordinator.EventPrint {
				continue
			}
			if e.Job != id || e.Node != "show" {
				y.t.Errorf("got %+v", e)
			}
			if e.Level == coordinator.LevelWarning {
				n := 0
				_, _ = fmt.Sscanf(e.Text, "%d lines are not shown", &n)
				lost += n
				continue
			}
			shown += e.Text + "\n"
		}
		return strings.Count(shown, "\n")+lost >= strings.Count(lines, "\n")
	})
	return shown, lost
}

// TestPrintersAreHeard shows what a printer prints as events of its job, and bounds it: lines
// that are too many are counted, and one that is too long is cut.
func TestPrintersAreHeard(t *testing.T) {
	y := newYard(t)
	y.hire("a", nil)
	y.event("a has joined")
	if got, lost := y.prints("few", "one\n\ntwo\n"); got != "> one\n> \n> two\n" || lost != 0 {
		t.Errorf("got %q, %d lost", got, lost)
	}
	got, lost := y.prints("many", strings.Repeat(strings.Repeat("x", 99)+"\n", 20_000))
	if n := strings.Count(got, "\n"); lost == 0 || n+lost != 20_000 || n < 100 {
		t.Errorf("%d lines were shown and %d lost, of 20000", n, lost)
	}
	got, lost = y.prints("long", "x"+strings.Repeat("é", 100_000)+"\nshort\n")
	if !strings.HasSuffix(got, "é…\n> short\n") || len(got) > 5000 || lost != 0 {
		t.Errorf("got %d bytes, %d lost: %.60s", len(got), lost, got)
	}
}
