package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestManyFaults checks a file that is no recipe: people get the first faults and the count of the
// others, programs get all.
func TestManyFaults(t *testing.T) {
	t.Chdir(t.TempDir())
	var text strings.Builder
	text.WriteString("recipe: many\nnodes:\n")
	for i := range 50 {
		fmt.Fprintf(&text, "  n%d: {kind: no_such_kind}\n", i)
	}
	write(t, "many.yaml", text.String())
	write(t, "log.txt", strings.Repeat("Nov 10 host sshd: x\n", 10))
	code, _, errs := call(t, engine{}, "validate", "many.yaml")
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	if code != codeRefused || len(lines) != faultsShown+1 || lines[faultsShown] != "and 30 more; sluice validate --json prints all" {
		t.Errorf("got %d, %d lines, %q", code, len(lines), lines[len(lines)-1])
	}
	code, _, errs = call(t, engine{}, "validate", "many.yaml", "none.yaml")
	if code != codeUsage || strings.Count(errs, "many.yaml:") != faultsShown || !strings.Contains(errs, "and 30 more") || !strings.Contains(errs, "none.yaml") {
		t.Errorf("with a file that is not there: got %d, %q", code, errs)
	}
	if _, out, _ := call(t, engine{}, "validate", "--json", "many.yaml"); strings.Count(out, "\n") != 50 {
		t.Errorf("as JSON: got %d lines", strings.Count(out, "\n"))
	}
}
