package trial_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
)

// TestOddFiles reads what is easily got wrong: nothing, a last line without an end, and
// many small files.
func TestOddFiles(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("empty", "")
		r.File("open", "a\nb")
		var all strings.Builder
		for i := range 60 {
			text := lines(i%4, fmt.Sprintf("file %d line %%d", i))
			if i%7 == 0 {
				text += "open end"
			}
			r.File(fmt.Sprintf("many/%03d.log", i), text)
			all.WriteString(text)
			if i%7 == 0 {
				all.WriteByte('\n')
			}
		}
		r.Run(t, `
recipe: odd
nodes:
  none:  {kind: file_reader, config: {path: empty}}
  open:  {kind: file_reader, config: {path: open}}
  many:  {kind: file_reader, config: {path: 'many/*.log'}}
  count: {kind: count_by, from: none}
  out1:  {kind: file_writer, from: none, config: {path: out1}}
  out2:  {kind: file_writer, from: open, config: {path: out2}}
  out3:  {kind: file_writer, from: many, config: {path: out3}}
  out4:  {kind: file_writer, from: count, config: {path: out4}}
`).Succeeded()
		for name, want := range map[string]string{"out1": "", "out2": "a\nb\n", "out3": all.String(), "out4": ""} {
			if got := r.Read(t, name); got != want {
				t.Errorf("%s: got %.200q, want %.200q", name, got, want)
			}
		}
	})
}

// TestMissingFile shows that a source that can't read fails its job, and says why.
func TestMissingFile(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.Run(t, `
recipe: missing
nodes:
  lines: {kind: file_reader, config: {path: nowhere.txt}}
  out:   {kind: file_writer, from: lines, config: {path: out}}
`).Failed("node lines", "nowhere.txt")
	})
}

// TestB7B8Shapes is rows B7 and B8: it runs the shapes of graphs: fan-out, merge, fan-out that merges again, zip,
// an output that nobody reads, and a node's two outputs.
func TestB7B8Shapes(t *testing.T) {
	const n = 3000
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "line %d"))
		res := r.Run(t, `
recipe: shapes
nodes:
  lines: {kind: file_reader, config: {path: in}}
  other: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: lines}
  hash:  {kind: md5_hash, from: lines}
  b64:   {kind: to_base64, from: lines}
  odd:   {kind: regex_match_bool, from: lines, config: {regex: '.*[13579]'}}
  gate:  {kind: if, from: {in: odd, value: lines}}
  zip:   {kind: zip, from: {left: up, right: hash}}
  z_out: {kind: file_writer, from: zip, config: {path: zip}}
  f1:    {kind: file_writer, from: up, config: {path: f1}}
  f2:    {kind: file_writer, from: up, config: {path: f2}}
  f3:    {kind: file_writer, from: up, config: {path: f3}}
  again: {kind: file_writer, from: [up, hash], config: {path: again}}
  merge: {kind: file_writer, from: [lines, other], config: {path: merge}}
  odds:  {kind: file_writer, from: gate, config: {path: odds}}
`, trial.Frames(70)).Succeeded()
		up := r.Read(t, "f1")
		if up != strings.ToUpper(r.Read(t, "in")) || r.Read(t, "f2") != up || r.Read(t, "f3") != up {
			t.Error("the readers of one port did not all get every record once")
		}
		again, merge := r.Lines(t, "again"), r.Lines(t, "merge")
		if len(again) != 2*n || len(merge) != 2*n || len(r.Lines(t, "zip")) != n || len(r.Lines(t, "odds")) != n/2 {
			t.Errorf("got %d, %d, %d and %d lines", len(again), len(merge), len(r.Lines(t, "zip")), len(r.Lines(t, "odds")))
		}
		upper := slices.DeleteFunc(again, func(s string) bool { return !strings.HasPrefix(s, "LINE") })
		if strings.Join(upper, "\n")+"\n" != up {
			t.Error("the merged records of one edge lost their order")
		}
		slices.Sort(merge)
		if merge = slices.Compact(merge); len(merge) != n {
			t.Errorf("got %d different lines of the merge, want %d", len(merge), n)
		}
		if len(res.Unread) != 2 || res.Unread[0].Node != "b64" || res.Unread[0].Records != n || res.Unread[1].Node != "gate" || res.Unread[1].Port != "else" || res.Unread[1].Records != n/2 {
			t.Errorf("got unread %+v", res.Unread)
		}
	})
}

// TestUnequalZip shows that a zip of inputs of unequal length fails its job.
func TestUnequalZip(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("a", lines(1000, "a%d"))
		r.File("b", lines(999, "b%d"))
		r.Run(t, `
recipe: unequal
nodes:
  a:   {kind: file_reader, config: {path: a}}
  b:   {kind: file_reader, config: {path: b}}
  zip: {kind: zip, from: {left: a, right: b}}
  out: {kind: file_writer, from: zip, config: {path: out}}
`).Failed("zip", "1000", "999")
	})
}

// TestNested is row R13: nested three deep, the same output as the flat graph.
func TestNested(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(2000, "line %d"))
		sub := "{recipe: %s, inputs: {in: {type: string}}, outputs: {out: {from: b}}, nodes: {a: {kind: %s, from: inputs.in}, b: {kind: %s, from: a}}}"
		r.File("low", fmt.Sprintf(sub, "low", "md5_hash", "to_uppercase"))
		r.File("mid", fmt.Sprintf(sub, "mid", "sha1_hash", "'recipe:low'"))
		r.File("top", fmt.Sprintf(sub, "top", "'recipe:mid'", "to_base64"))
		r.Run(t, `
recipe: nested
nodes:
  lines: {kind: file_reader, config: {path: in}}
  top:   {kind: 'recipe:top', from: lines}
  out:   {kind: file_writer, from: top, config: {path: nested}}
  f1:    {kind: sha1_hash, from: lines}
  f2:    {kind: md5_hash, from: f1}
  f3:    {kind: to_uppercase, from: f2}
  f4:    {kind: to_base64, from: f3}
  flat:  {kind: file_writer, from: f4, config: {path: flat}}
`).Succeeded()
		if a := r.Read(t, "nested"); a != r.Read(t, "flat") || len(a) == 0 {
			t.Error("the nested recipe's output differs from the flat one's")
		}
	})
}

// TestLimit shows that limit ends its sources early: the generator would run for ever.
func TestLimit(t *testing.T) {
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		begin := time.Now()
		res := r.Run(t, `
recipe: limit
nodes:
  n:     {kind: integer_generator}
  text:  {kind: to_string, from: n}
  limit: {kind: limit, from: text, config: {count: 1000}}
  out:   {kind: file_writer, from: limit, config: {path: out}}
`, trial.Frames(10)).Succeeded()
		if got := len(r.Lines(t, "out")); got != 1000 {
			t.Errorf("got %d lines, want 1000", got)
		}
		if took := time.Since(begin); took > bustest.Within(15*time.Second) {
			t.Errorf("the source ended after %v", took)
		}
		t.Logf("read %d records for 1000, in %v", res.Read(), time.Since(begin))
	})
}

// TestManyKeys counts more keys than a frame's parts hold in parts of the usual size.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	const n = 300_000
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "key %d")+lines(1000, "key %d"))
		r.Run(t, `
recipe: keys
nodes:
  lines: {kind: file_reader, config: {path: in}}
  count: {kind: count_by, from: lines, config: {max_keys: 400000}}
  top:   {kind: top, from: count, config: {n: 3, by: count}}
  all:   {kind: file_writer, from: count, config: {path: all}}
  out:   {kind: file_writer, from: top, config: {path: top}}
`).Succeeded()
		if got := len(r.Lines(t, "all")); got != n {
			t.Errorf("got %d keys, want %d", got, n)
		}
		if got := r.Lines(t, "top"); len(got) != 3 || !strings.Contains(got[0], `"count":2`) {
			t.Errorf("got %q", got)
		}
	})
}

// TestLargeRecords sends values that do not fit a message, and one that is too large.
func TestLargeRecords(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for i, size := range []int{600 << 10, 10, 10 << 20, 17 << 20, 100, 16 << 20, 600 << 10} {
		b.Write(bytes.Repeat([]byte{byte('a' + i)}, size))
		b.WriteByte('\n')
	}
	in := strings.SplitAfter(b.String(), "\n")
	offset := len(in[0]) + len(in[1]) + len(in[2])
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", b.String())
		res := r.Run(t, `
recipe: large
nodes:
  lines: {kind: file_reader, config: {path: in}}
  up:    {kind: to_uppercase, from: lines}
  down:  {kind: to_lowercase, from: up}
  out:   {kind: file_writer, from: down, config: {path: out}}
`).Succeeded()
		want := slices.Delete(slices.Clone(in), 3, 4)
		if got := r.Read(t, "out"); got != strings.Join(want, "") {
			t.Errorf("got %d bytes, want %d", len(got), len(strings.Join(want, "")))
		}
		if len(res.Dead) != 1 || res.Dead[0].Node != "lines" || !strings.Contains(res.Dead[0].Place, "in") || !strings.Contains(res.Dead[0].Place, fmt.Sprint(offset)) {
			t.Errorf("got %+v, want one dead letter that names the file and offset %d", res.Dead, offset)
		}
	})
}
