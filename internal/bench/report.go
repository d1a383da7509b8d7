package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// report is the page.
type report struct{ sections []*section }

// section is the answer of a part.
type section struct {
	title  string
	prose  string
	table  [][]string // the first row is the head
	checks []check
}

// check is a bound and what was measured, or just that.
type check struct {
	text    string
	ok      bool
	unbound bool
}

func (s *section) row(cells ...string) { s.table = append(s.table, cells) }

func (s *section) check(ok bool, format string, args ...any) {
	s.checks = append(s.checks, check{text: fmt.Sprintf(format, args...), ok: ok})
}

func (s *section) note(format string, args ...any) {
	s.checks = append(s.checks, check{text: fmt.Sprintf(format, args...), unbound: true})
}

// missed returns the bounds that did not hold.
func (s *section) missed() []string {
	var all []string
	for _, c := range s.checks {
		if !c.ok && !c.unbound {
			all = append(all, c.text)
		}
	}
	return all
}

func (r *report) head() string {
	return fmt.Sprintf(`# Benchmarks

`+"`make bench`"+` writes this page. Last run: %s; %d CPUs, %s on %s/%s.

How to read it. Every line was measured in a process of its own. CPU is user and system time
of that process, all threads, and of Sluice that includes the broker, which runs inside it.
It is the median of several runs, memory and disk are the largest of them. CPU time changes
by some per cent from run to run, and more on a busy machine, wall-clock time by far more;
ratios hold better than figures. Inputs are generated, the same each time.

`, time.Now().Format("2006-01-02"), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (r *report) text() string {
	var b strings.Builder
	b.WriteString(r.head())
	for _, s := range r.sections {
		b.WriteString(s.text())
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (s *section) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", s.title, s.prose)
	b.WriteString(markdown(s.table))
	b.WriteByte('\n')
	for _, c := range s.checks {
		verdict := ": holds"
		if c.unbound {
			verdict = ""
		} else if !c.ok {
			verdict = ": **missed**"
		}
		fmt.Fprintf(&b, "- %s%s\n", c.text, verdict)
	}
	if len(s.checks) > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// markdown renders a table; all columns but the first are right-aligned.
func markdown(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	line := func(cell func(i int) string) {
		b.WriteByte('|')
		for i := range width {
			b.WriteString(" " + cell(i) + " |")
		}
		b.WriteByte('\n')
	}
	for n, row := range rows {
		line(func(i int) string {
			gap := strings.Repeat(" ", width[i]-utf8.RuneCountInString(row[i]))
			if i == 0 {
				return row[i] + gap
			}
			return gap + row[i]
		})
		if n == 0 {
			line(func(i int) string {
				if i == 0 {
					return strings.Repeat("-", width[i])
				}
				return strings.Repeat("-", width[i]-1) + ":"
			})
		}
	}
	return b.String()
}

// f2 renders a figure with two decimals, count one of many digits, size one of bytes.
func f2(v float64) string { return fmt.Sprintf("%.2f", v) }

func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d B", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
