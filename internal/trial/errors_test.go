package trial_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/trial"
)

// mixed is a file of good lines with some bad ones between.
func mixed(n int, bad map[int]string) string {
	var b strings.Builder
	for i := range n {
		if s, ok := bad[i]; ok {
			b.WriteString(s + "\n")
		} else {
			fmt.Fprintf(&b, "%d\n", i)
		}
	}
	return b.String()
}

// TestOneBadValue is row R6: one bad value is one dead letter, and all others arrive.
func TestOneBadValue(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", mixed(5000, map[int]string{2345: "abc"}))
		res := r.Run(t, `
recipe: bad
nodes:
  lines: {kind: file_reader, config: {path: in}}
  n:     {kind: parse_int, from: lines}
  out:   {kind: file_writer, from: n, config: {path: out}}
`).Succeeded()
		want := slices.DeleteFunc(r.Lines(t, "in"), func(s string) bool { return s == "abc" })
		if !slices.Equal(r.Lines(t, "out"), want) {
			t.Error("the good values did not all arrive in order")
		}
		if len(res.Dead) != 1 {
			t.Fatalf("got %d dead letters, want 1", len(res.Dead))
		}
		if l := res.Dead[0]; l.Node != "n" || l.Kind != "parse_int" || l.Job != res.Job || l.Port != "in" || string(l.Record) != `"abc"` || l.Attempts != 1 ||
			!strings.Contains(l.Reason, "abc") || l.At.IsZero() {
			t.Errorf("got %+v", l)
		}
		if res.Account("n").Dead != 1 || res.Progress.Dead() != 1 {
			t.Errorf("got %d dead in the account and %d in the progress", res.Account("n").Dead, res.Progress.Dead())
		}
	})
}

// TestPanics is row B9: a node that panics leaves the others running, and itself.
func TestPanics(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", mixed(600, map[int]string{0: "panic", 299: "panic", 300: "permanent", 599: "panic"}))
		res := r.Run(t, `
recipe: panics
nodes:
  lines: {kind: file_reader, config: {path: in}}
  moody: {kind: moody, from: lines}
  calm:  {kind: to_uppercase, from: lines}
  a:     {kind: file_writer, from: moody, config: {path: a}}
  b:     {kind: file_writer, from: calm, config: {path: b}}
`, trial.Frames(50)).Succeeded()
		if got := r.Lines(t, "a"); len(got) != 596 {
			t.Errorf("got %d lines behind the node that panics, want 596", len(got))
		}
		if got := r.Lines(t, "b"); len(got) != 600 {
			t.Errorf("got %d lines beside it, want 600", len(got))
		}
		dead := res.DeadOf("moody")
		var reasons []string
		for _, l := range dead {
			reasons = append(reasons, l.Reason)
		}
		if len(dead) != 4 || !strings.Contains(reasons[0], "panicked: as it was told") || !strings.Contains(reasons[2], "no good") {
			t.Errorf("got %q", reasons)
		}
	})
}

// TestRetries counts attempts: a plain error is tried again as often as the node says, a
// permanent one is not, and RetryAfter waits as long as it asks.
func TestRetries(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", "plain\npermanent\nfails 3\nfails 4\nafter 2 300ms\nfine\n")
		begin := time.Now()
		res := r.Run(t, `
recipe: retries
nodes:
  lines: {kind: file_reader, config: {path: in}}
  moody: {kind: moody, from: lines, retry: {attempts: 4, backoff: 5ms}}
  out:   {kind: file_writer, from: moody, config: {path: out}}
`).Succeeded()
		if took := time.Since(begin); took < 600*time.Millisecond {
			t.Errorf("got the end after %v, want two waits of 300 ms", took)
		}
		if got := r.Read(t, "out"); got != "fails 3\nafter 2 300ms\nfine\n" {
			t.Errorf("got %q", got)
		}
		got := map[string]int{}
		for _, l := range res.Dead {
			got[string(l.Record)] = l.Attempts
		}
		if len(got) != 3 || got[`"plain"`] != 4 || got[`"permanent"`] != 1 || got[`"fails 4"`] != 4 {
			t.Errorf("got attempts %v", got)
		}
	})
}

// TestOnError shows what the settings on_error and max_dead do.
func TestOnError(t *testing.T) {
	const form = `
recipe: told
nodes:
  lines: {kind: file_reader, config: {path: in}}
  n:     {kind: parse_int, from: lines, %s}
  out:   {kind: file_writer, from: n, config: {path: out}}
`
	bad := map[int]string{}
	for i := 10; i < 30; i++ {
		bad[i] = "bad"
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", mixed(100, bad))
		res := r.Run(t, fmt.Sprintf(form, "on_error: drop")).Succeeded()
		if a := res.Account("n"); a.Discarded != 20 || a.Dead != 0 || len(res.Dead) != 0 || len(r.Lines(t, "out")) != 80 || res.Lost() != 20 {
			t.Errorf("drop: got %+v and %d lines", a, len(r.Lines(t, "out")))
		}
		r.Clear()
		r.File("in", mixed(100, bad))
		r.Run(t, fmt.Sprintf(form, "on_error: fail")).Failed("node n", "bad")
		r.Run(t, fmt.Sprintf(form, "max_dead: 19")).Failed("node n", "19")
		r.Run(t, fmt.Sprintf(form, "max_dead: 20")).Succeeded()
	})
}

// TestDeadLetterHoldsTheRecord shows what a dead letter keeps: text, bytes that are no
// UTF-8, and a large record.
func TestDeadLetterHoldsTheRecord(t *testing.T) {
	large := strings.Repeat("x", 700<<10)
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", "é\xff\n\"q\"\n"+large+"\n7\n")
		res := r.Run(t, `
recipe: kept
nodes:
  lines: {kind: file_reader, config: {path: in}}
  n:     {kind: parse_int, from: lines}
  out:   {kind: file_writer, from: n, config: {path: out}}
`).Succeeded()
		dead := res.DeadOf("n")
		if len(dead) != 3 {
			t.Fatalf("got %d dead letters, want 3", len(dead))
		}
		if string(dead[0].Raw) != "é\xff" || string(dead[1].Record) != `"\"q\""` || holds(dead[2]) != len(large)+2 && dead[2].Ref == "" {
			t.Errorf("got %.300q", fmt.Sprint(dead))
		}
		for _, l := range dead {
			if len(l.Reason) > 2<<10 {
				t.Errorf("got a reason of %d bytes", len(l.Reason))
			}
		}
	})
}

func holds(l bus.DeadLetter) int { return len(l.Record) + len(l.Raw) }
