//go:build linux

package faults

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/figures"
)

// report is what the whole run prints at its end: one table of faults, and how long each
// portion took.
type report struct {
	mu    sync.Mutex
	rows  []*reported // in the order in which they came; guarded by mu, as all below
	notes []string    // what else was measured
	takes []string
}

// reported is a row of it.
type reported struct {
	fault, result string
	runs          int
	where         []string
}

var table report

const good = "0 lost, 0 doubled, 0 stuck"

// add counts runs of a fault. What is not good anywhere is what the row says.
func (r *report) add(fault string, runs int, where, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.IndexFunc(r.rows, func(k *reported) bool { return k.fault == fault })
	if at < 0 {
		at = len(r.rows)
		r.rows = append(r.rows, &reported{fault: fault, result: result})
	}
	k := r.rows[at]
	k.runs += runs
	k.where = append(k.where, fmt.Sprintf("%s: %d", where, runs))
	if result != good {
		k.result = result
	}
}

// note keeps a figure, and logs it.
func (r *report) note(t testing.TB, format string, args ...any) {
	t.Helper()
	figures.Note(t, format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// time measures a portion, which is a test.
func (r *report) time(t *testing.T) {
	began := time.Now()
	t.Cleanup(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		end := "passed"
		if t.Failed() {
			end = "FAILED"
		}
		r.takes = append(r.takes, fmt.Sprintf("%-32s %s in %v", t.Name(), end, time.Since(began).Round(time.Second)))
	})
}

// print prints all, and the sum of kills by what was killed.
func (r *report) print(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.takes) == 0 {
		return
	}
	slices.SortStableFunc(r.rows, func(a, b *reported) int { return rank(a.fault) - rank(b.fault) })
	if len(r.rows) > 0 {
		fmt.Fprintf(w, "\n%-58s | runs | where | result\n", "fault")
	}
	sum, kinds := 0, []string(nil)
	for _, k := range r.rows {
		fmt.Fprintf(w, "%-58s | %4d | %s | %s\n", k.fault, k.runs, strings.Join(k.where, ", "), k.result)
		if of, is := strings.CutPrefix(k.fault, sigkill); is {
			sum += k.runs
			kinds = append(kinds, fmt.Sprintf("%d of %s", k.runs, of))
		}
	}
	if len(kinds) > 0 {
		fmt.Fprintf(w, "SIGKILLs in all: %d (%s)\n\n", sum, strings.Join(kinds, ", "))
	}
	for _, s := range append(append(r.notes, ""), r.takes...) {
		fmt.Fprintln(w, s)
	}
}

// rank puts what strikes any cluster first, in the order of rows.
func rank(fault string) int {
	for i := range rows {
		if rows[i].name == fault {
			return i
		}
	}
	return len(rows)
}

// TestReport: rows of one fault are summed up, and what is wrong in one place is not covered by
// what is right in another.
func TestReport(t *testing.T) {
	var r report
	r.add(sigkill+"a worker", 3, "R1", good)
	r.add("slow sink", 1, "R1", good)
	r.add(sigkill+"a worker", 2, "R3", "WRONG")
	r.add(sigkill+"a server", 4, "R3", good)
	r.add("slow sink", 1, "R3", good)
	r.takes = []string{"one portion"}
	var b strings.Builder
	r.print(&b)
	for _, want := range []string{"|    5 | R1: 3, R3: 2 | WRONG\n", "|    2 | R1: 1, R3: 1 | " + good, "in all: 9 (5 of a worker, 4 of a server)", "one portion"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
}

// TestTable: what is struck in the whole form is what was promised.
func TestTable(t *testing.T) {
	kills := 0
	for _, r := range rows {
		switch of, is := strings.CutPrefix(r.name, sigkill); {
		case is && of == "a server":
			kills += r.whole[1]
		case is:
			kills += r.whole[0]
		case r.whole[0]+r.whole[1] < 10:
			t.Errorf("%s: %v times in the whole form, want 10", r.name, r.whole)
		}
		if r.short[0]+r.short[1] == 0 {
			t.Errorf("%s is not in the short form", r.name)
		}
	}
	if kills != 100 {
		t.Errorf("%d kills of workers and coordinators on one server and of servers among three, want 100", kills)
	}
}
