package layout

import (
	"fmt"
	"strings"
)

// maxDiffLines bounds the table that Diff fills; larger changes are shown as a whole.
const maxDiffLines = 2000

// Diff returns a unified diff, with three lines around each change, from before to after;
// was and is are what its head calls the two.
func Diff(was, is string, before, after []byte) string {
	a, b := splitLines(before), splitLines(after)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var ops []op
	for _, line := range a[:head] {
		ops = append(ops, op{' ', line})
	}
	ops = append(ops, edits(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, line := range a[len(a)-tail:] {
		ops = append(ops, op{' ', line})
	}
	return hunks(was, is, ops)
}

// op is a line of a diff: kept (' '), taken away ('-') or added ('+').
type op struct {
	sign byte
	line string
}

// edits aligns two texts by their longest common subsequence.
func edits(a, b []string) []op {
	var ops []op
	if len(a) > maxDiffLines || len(b) > maxDiffLines {
		for _, line := range a {
			ops = append(ops, op{'-', line})
		}
		for _, line := range b {
			ops = append(ops, op{'+', line})
		}
		return ops
	}
	common := make([][]int16, len(a)+1)
	for i := range common {
		common[i] = make([]int16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for k := len(b) - 1; k >= 0; k-- {
			if a[i] == b[k] {
				common[i][k] = common[i+1][k+1] + 1
			} else {
				common[i][k] = max(common[i+1][k], common[i][k+1])
			}
		}
	}
	i, k := 0, 0
	for i < len(a) || k < len(b) {
		switch {
		case i < len(a) && k < len(b) && a[i] == b[k]:
			ops = append(ops, op{' ', a[i]})
			i, k = i+1, k+1
		case k == len(b) || i < len(a) && common[i+1][k] >= common[i][k+1]:
			ops = append(ops, op{'-', a[i]})
			i++
		default:
			ops = append(ops, op{'+', b[k]})
			k++
		}
	}
	return ops
}

// hunks writes the changes with the lines around them.
func hunks(was, is string, ops []op) string {
	const around = 3
	var out strings.Builder
	lineA, lineB := 1, 1
	for i := 0; i < len(ops); {
		if ops[i].sign == ' ' {
			i, lineA, lineB = i+1, lineA+1, lineB+1
			continue
		}
		start, quiet, end := max(i-around, 0), 0, i
		for end < len(ops) && quiet <= 2*around {
			if ops[end].sign == ' ' {
				quiet++
			} else {
				quiet = 0
			}
			end++
		}
		end -= max(quiet-around, 0)
		if out.Len() == 0 {
			fmt.Fprintf(&out, "--- %s\n+++ %s\n", was, is)
		}
		before := i - start
		var body strings.Builder
		countA, countB := 0, 0
		for _, o := range ops[start:end] {
			fmt.Fprintf(&body, "%c%s\n", o.sign, o.line)
			if o.sign != '+' {
				countA++
			}
			if o.sign != '-' {
				countB++
			}
		}
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n%s", lineA-before, countA, lineB-before, countB, body.String())
		lineA, lineB, i = lineA-before+countA, lineB-before+countB, end
	}
	return out.String()
}

func splitLines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
