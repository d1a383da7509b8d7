package trial_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/trial"
	"sluice/recipe"
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

// TestB9Panics is row B9: a node that panics leaves the others running, and itself.
func TestB9Panics(t *testing.T) {
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

// TestB9PanicsAnywhere lets each call into a node panic that is not for a record: that job
// fails and names the node, and nothing else: the same workers do the next one.
func TestB9PanicsAnywhere(t *testing.T) {
	t.Parallel()
	const form = `
recipe: panics
nodes:
  n:    {kind: %s, config: {%s}}
  p:    {kind: panicky, from: n, config: {at: %s}}
  text: {kind: to_string, from: p}
  out:  {kind: file_writer, from: text, config: {path: out, if_exists: replace}}
`
	const numbers = "count: 2000, seed: 1"
	rows := [][3]string{{"integer_generator", numbers, "finish"}}
	for _, at := range []string{"build", "restore", "delta", "snapshot", "full"} {
		rows = append(rows, [3]string{"integer_generator", numbers, at})
	}
	for _, at := range []string{"build", "splits", "size", "open", "read", "offset", "close"} {
		rows = append(rows, [3]string{"panicky_source", "at: " + at, "never"})
	}
	for _, at := range []string{"build", "feed"} {
		rows = append(rows, [3]string{"panicky_feed", "at: " + at, "never"})
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, row := range rows {
			node := "n"
			if row[2] != "never" {
				node = "p"
			}
			res := r.Run(t, fmt.Sprintf(form, row[0], row[1], row[2]), trial.Frames(50))
			if res.State != recipe.JobFailed || !strings.Contains(res.Reason, "node "+node) && !strings.Contains(res.Reason, "step "+node) || !strings.Contains(res.Reason, "panicked: at ") {
				t.Errorf("%v: got %s (%s), want failed, with the node and its panic", row, res.State, res.Reason)
			}
		}
		r.Run(t, fmt.Sprintf(form, "panicky_source", "at: never", "never")).Succeeded()
		if got := len(r.Lines(t, "out")); got != 10 {
			t.Errorf("got %d lines from the workers that saw the panics, want 10", got)
		}
	})
}

// TestPanicInApply is the same for the change of a state, which is read when the job goes on.
func TestPanicInApply(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		j := r.Job(t, `
recipe: applies
nodes:
  n:    {kind: integer_generator, config: {count: 2000, seed: 1}}
  p:    {kind: panicky, from: n, config: {at: apply}}
  held: {kind: held, from: p, config: {path: go}}
  text: {kind: to_string, from: held}
  out:  {kind: file_writer, from: text, config: {path: out}}
`, trial.Frames(10))
		stopped(t, r, j, "p")
		r.File("go", "")
		j.Run().Failed("step p", "panicked: at apply")
	})
}

// TestDeadline gives up a record whose node never comes back from it.
func TestDeadline(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{Deadline: 200 * time.Millisecond}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(100, "%d")+"hang\n"+lines(100, "%d")+"hang\n")
		begin := time.Now()
		res := r.Run(t, `
recipe: hangs
nodes:
  lines: {kind: file_reader, config: {path: in}}
  moody: {kind: moody, from: lines, retry: {attempts: 2, backoff: 5ms}}
  late:  {kind: delay, from: moody, config: {duration: 2ms}}
  out:   {kind: file_writer, from: late, config: {path: out}}
`).Succeeded()
		if got := len(r.Lines(t, "out")); got != 200 {
			t.Errorf("got %d lines, want 200", got)
		}
		dead := res.DeadOf("moody")
		if len(dead) != 2 || dead[0].Attempts != 2 || !strings.Contains(dead[0].Reason, "took longer than 200ms") || string(dead[0].Record) != `"hang"` {
			t.Errorf("got %+v", dead)
		}
		if took := time.Since(begin); took < 800*time.Millisecond {
			t.Errorf("got the end after %v, want four attempts of 200 ms", took)
		}
	})
}

// TestWaitsOnPurpose lets a kind wait longer than the deadline for each of its records.
func TestWaitsOnPurpose(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{Deadline: 50 * time.Millisecond}, func(t *testing.T, r *trial.Rig) {
		r.File("in", "1\n2\n3\n")
		res := r.Run(t, `
recipe: waits
nodes:
  lines: {kind: file_reader, config: {path: in}}
  late:  {kind: delay, from: lines, config: {duration: 150ms}}
  slow:  {kind: throttle, from: late, config: {rate: 8}}
  out:   {kind: file_writer, from: slow, config: {path: out}}
`).Succeeded()
		if r.Read(t, "out") != "1\n2\n3\n" || res.Progress.Dead() != 0 {
			t.Errorf("got %q and %d dead letters", r.Read(t, "out"), res.Progress.Dead())
		}
	})
}

// TestOnErrorOfSources shows what on_error says to sources of both sorts.
func TestOnErrorOfSources(t *testing.T) {
	const files, feed = "kind: file_reader, config: {path: in}", "kind: panicky_feed, config: {at: never}"
	const form = `
recipe: told
nodes:
  n:    {%s, %s}
  text: {kind: to_string, from: n}
  out:  {kind: file_writer, from: text, config: {path: out, if_exists: replace}}
`
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", "0\n"+strings.Repeat("x", 17<<20)+"\n")
		for _, source := range []string{files, feed} {
			res := r.Run(t, fmt.Sprintf(form, source, "on_error: drop")).Succeeded()
			if a := res.Account("n"); a.Discarded != 1 || a.Dead != 0 || len(res.Dead) != 0 || res.Lost() != 1 || r.Read(t, "out") != "0\n" {
				t.Errorf("drop: got %+v, %d letters and %q", a, len(res.Dead), r.Read(t, "out"))
			}
			res = r.Run(t, fmt.Sprintf(form, source, "on_error: dead_letter")).Succeeded()
			if a := res.Account("n"); a.Discarded != 0 || a.Dead != 1 || len(res.Dead) != 1 {
				t.Errorf("dead_letter: got %+v and %d letters", a, len(res.Dead))
			}
			r.Run(t, fmt.Sprintf(form, source, "on_error: fail")).Failed("node n gave up a record")
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
		r.Run(t, fmt.Sprintf(form, "max_dead: 0")).Failed("node n", "more than 0 dead letters")
		r.Clear()
		r.File("in", mixed(100, nil))
		r.Run(t, fmt.Sprintf(form, "max_dead: 0")).Succeeded()
	})
}

// TestManyLettersOfOneFrame gives up more records of one frame than their letters fit a
// message: each has a letter.
func TestManyLettersOfOneFrame(t *testing.T) {
	t.Parallel()
	count := 90_000
	if testing.Short() { // the race detector takes minutes for so many
		count = 20_000
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", strings.Repeat("x,", count-1)+"x\n")
		res := r.Run(t, `
recipe: letters
nodes:
  lines: {kind: file_reader, config: {path: in}}
  parts: {kind: split, from: lines, config: {separator: ","}}
  pj:    {kind: parse_json, from: parts}
  text:  {kind: to_string, from: pj}
  out:   {kind: file_writer, from: text, config: {path: out}}
`).Succeeded()
		ids := map[string]bool{}
		for _, l := range res.DeadOf("pj") {
			ids[l.ID] = true
		}
		if len(ids) != count || len(res.Dead) != count || res.Account("pj").Dead != int64(count) {
			t.Errorf("got %d letters, %d of different records, and %d in the account; want %d", len(res.Dead), len(ids), res.Account("pj").Dead, count)
		}
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
