package progress

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"sluice/recipe"
)

// Summary writes what a job did: a headline, a table with a row for every node, the
// ports nobody read, and the reason when it did not succeed.
//
// The gate of an edge that may lose is no node of the recipe: its row is added to the
// row of the node it stands before. A job that failed before it read anything has no table. Counts
// are of the whole job; of one that was gone on with, the time and the rates are of what came since,
// and the headline says so.
// width is the columns of the terminal that w is, 0 when it is none.
func Summary(w io.Writer, p recipe.Progress, width int) {
	if len(p.Earlier) > 0 {
		fmt.Fprintf(w, "%s: %s, %s read, %s\n", p.Recipe, p.State, Records(p.Read()), since(&p))
	} else {
		fmt.Fprintf(w, "%s: %s after %s, %s read (%s)\n", p.Recipe, p.State, Human(p.Elapsed), Records(p.Read()), Rate(p.Read(), p.Elapsed))
	}
	if p.State != recipe.JobFailed || p.Read() > 0 {
		table(w, &p, width)
	}
	for _, u := range p.Unread {
		fmt.Fprintf(w, "unread: %s.%s had %s and no reader\n", u.Node, u.Port, Records(u.Records))
	}
	if p.Reason != "" {
		fmt.Fprintf(w, "%s: %s\n", p.State, p.Reason)
	}
}

// Glance writes what a job has done that is looked at from outside: like [Summary], but it may move,
// rest or stand still, and it may have been gone on with. A rate is told of what moves or is over,
// and of the time since it was gone on with. Before the job was run there is nothing.
func Glance(w io.Writer, p recipe.Progress, still bool, width int) {
	if len(p.Steps) == 0 {
		return
	}
	line := fmt.Sprintf("%s: %s, %s read", p.Recipe, p.State, Records(p.Read()))
	switch {
	case still:
		p.Elapsed = 0 // which has no rates
	case len(p.Earlier) > 0:
		line += ", " + since(&p)
	default:
		line += fmt.Sprintf(" in %s (%s)", Human(p.Elapsed), Rate(p.Read(), p.Elapsed))
	}
	fmt.Fprintln(w, line)
	table(w, &p, width)
	for _, u := range p.Unread {
		fmt.Fprintf(w, "unread: %s.%s had %s and no reader\n", u.Node, u.Port, Records(u.Records))
	}
}

// since says what a job has read since it was gone on with.
func since(p *recipe.Progress) string {
	return fmt.Sprintf("%s of them in the %s since it was gone on with (%s)", Count(p.ReadNow()), Human(p.Elapsed), Rate(p.ReadNow(), p.Elapsed))
}

// table writes a row for every node.
func table(w io.Writer, p *recipe.Progress, width int) {
	steps, earlier := foldGates(p.Steps), foldGates(p.Earlier)
	head := []string{"node", "kind", "in", "out", "dropped", "expired", "dead", "rate"}
	skipped := false
	for _, s := range steps {
		skipped = skipped || s.Skipped > 0
	}
	if skipped {
		head = append(head, "skipped")
	}
	rows := [][]string{head}
	for i, s := range steps {
		now := s.In
		if len(earlier) > 0 {
			now -= earlier[i].In
		}
		row := []string{s.Node, s.Kind, Count(s.In), Count(s.Out), Count(s.Dropped), Count(s.Expired), Count(s.Dead), Rate(now, p.Elapsed)}
		if skipped {
			row = append(row, Count(s.Skipped))
		}
		rows = append(rows, row)
	}
	writeTable(w, rows, width)
}

// foldGates returns the steps without gates, whose losses count where they stood.
func foldGates(all []recipe.StepProgress) []recipe.StepProgress {
	var steps []recipe.StepProgress
	at := map[string]int{}
	for _, s := range all {
		if s.Role != recipe.RoleGate {
			at[s.Node] = len(steps)
			steps = append(steps, s)
		}
	}
	for _, s := range all {
		if s.Role != recipe.RoleGate {
			continue
		}
		i, ok := at[gated(s.Node)]
		if !ok {
			steps = append(steps, s)
			continue
		}
		steps[i].In += s.In - s.Out
		steps[i].Dropped += s.Dropped
		steps[i].Expired += s.Expired
		steps[i].Dead += s.Dead
		steps[i].Skipped += s.Skipped
	}
	return steps
}

// gated returns the node that the gate called NODE.PORT~gate stands before.
func gated(gate string) string {
	name, _, _ := strings.Cut(gate, "~")
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[:i]
	}
	return name
}

// leastName is how many columns of a name are kept, however narrow the terminal is.
const leastName = 6

// writeTable aligns the first two columns left and the others right. Where the terminal is
// too narrow, the names in the first two are cut before figures are.
func writeTable(w io.Writer, rows [][]string, limit int) {
	width, total := make([]int, len(rows[0])), 0
	for i := range width {
		for _, row := range rows {
			width[i] = max(width[i], utf8.RuneCountInString(row[i]))
		}
		total += width[i] + 2
	}
	for limit > 0 && total > limit && max(width[0], width[1]) > leastName {
		widest := 0
		if width[1] > width[0] {
			widest = 1
		}
		width[widest]--
		total--
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString("  ")
			if i < 2 {
				fmt.Fprintf(&b, "%-*s", width[i], shorten(cell, width[i]))
			} else {
				fmt.Fprintf(&b, "%*s", width[i], cell)
			}
		}
		line := strings.TrimRight(b.String(), " ")
		if limit > 0 {
			line = shorten(line, limit)
		}
		fmt.Fprintln(w, line)
	}
}
