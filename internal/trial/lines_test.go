package trial_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/internal/trial"
)

func lines(n int, form string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, form+"\n", i)
	}
	return b.String()
}

// TestAllLinesArrive is row R8: what goes in comes out, and the job ends by itself.
func TestAllLinesArrive(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in.txt", lines(100_000, "line %d"))
		res := r.Run(t, `
recipe: copy
nodes:
  lines: {kind: file_reader, config: {path: in.txt}}
  same:  {kind: regex_match, from: lines, config: {regex: '.*'}}
  out:   {kind: file_writer, from: same, config: {path: out.txt}}
`).Succeeded()
		if a := res.Account("out"); a.In != 100_000 || res.Read() != 100_000 {
			t.Errorf("got %d read and %d written, want 100000", res.Read(), a.In)
		}
		if r.Read(t, "out.txt") != r.Read(t, "in.txt") {
			t.Error("the copy differs")
		}
	})
}
