package trial_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/trial"
	"sluice/nodes"
	"sluice/nodes/all"
)

// vectors are what the kinds of the old engine must do, as records in and out.
var vectors = []struct {
	kind string
	e    nodes.Example
}{
	{"and", nodes.Example{Config: "values_to_keep: 2", In: []any{true, false, true, true, false}, Out: []any{false, false, true, false}}},
	{"or", nodes.Example{Config: "values_to_keep: 2", In: []any{true, false, true, true, false}, Out: []any{true, true, true, true}}},
	{"xor", nodes.Example{Config: "values_to_keep: 2", In: []any{true, false, true, true, false}, Out: []any{true, true, false, true}}},
	{"xor", nodes.Example{Config: "values_to_keep: 3", In: []any{true, false, true, true, false}, Out: []any{false, false, false}}},
	{"and", nodes.Example{Config: "values_to_keep: 6", In: []any{true, false, true, true, false}, Out: []any{}}},
	{"if", nodes.Example{Ins: map[string][]any{"in": {true, false, true}}, Outs: map[string][]any{"out": {true, true}, "else": {false}}}},
	{"if", nodes.Example{
		Ins:  map[string][]any{"in": {true, false, true}, "value": {"a", "b", "c"}},
		Outs: map[string][]any{"out": {"a", "c"}, "else": {"b"}},
	}},
	{"md5_hash", nodes.Example{In: []any{"", "abc"}, Out: []any{"d41d8cd98f00b204e9800998ecf8427e", "900150983cd24fb0d6963f7d28e17f72"}}},
	{"md5_hash", nodes.Example{In: []any{2.0}, Out: []any{"c81e728d9d4c2f636f067f89cc14862c"}}},
	{"parse_float", nodes.Example{In: []any{"1.5", "x", "-2"}, Out: []any{1.5, -2.0}, Dead: []string{"x"}}},
	{"parse_int", nodes.Example{In: []any{"1", "abc", "3"}, Out: []any{1, 3}, Dead: []string{"abc"}}},
	{"parse_int", nodes.Example{In: []any{"9223372036854775807", "9223372036854775808"}, Out: []any{9223372036854775807}, Dead: []string{"9223372036854775808"}}},
	{"pairwise_product", nodes.Example{In: []any{1, 2, 3, 4, 5}, Out: []any{1, 2, 6, 12, 20}}},
	{"pairwise_product", nodes.Example{In: []any{4000000000, 4000000000, 1}, Out: []any{4000000000, 4000000000}, Dead: []string{"64 bit"}}},
	{"regex_match_bool", nodes.Example{Config: "regex: '[0-9]+'", In: []any{"123", "foo123bar"}, Out: []any{true, false}}},
	{"regex_match", nodes.Example{Config: "regex: '[0-9]+'", In: []any{"123", "foo123bar", "7"}, Out: []any{"123", "7"}}},
	{"regex_replace", nodes.Example{
		Config: "{regex: '([a-z])[0-9]', replacement: '$1x'}",
		In:     []any{"a1b2", "none", ""}, Out: []any{"axbx", "none", ""},
	}},
	{"rolling_average", nodes.Example{Config: "values_to_keep: 2", In: []any{1, 2, 4}, Out: []any{1, 3}}},
	{"rolling_average", nodes.Example{Config: "values_to_keep: 2", In: []any{-1, -2}, Out: []any{-1}}},
	{"rolling_average", nodes.Example{Config: "values_to_keep: 2", In: []any{1.0, 2.0}, Out: []any{1.5}}},
	{"rolling_sum", nodes.Example{Config: "values_to_keep: 2", In: []any{1, 2, 3, 4, 5}, Out: []any{3, 5, 7, 9}}},
	{"to_string", nodes.Example{In: []any{2.0, 0.1}, Out: []any{"2", "0.1"}}},
	{"to_uppercase", nodes.Example{In: []any{"stra\u00dfe i"}, Out: []any{"STRASSE I"}}},
}

// TestVectors is row R1: the vectors of the old engine's kinds, through running jobs,
// with frames of 1, 3 and 256 records.
func TestVectors(t *testing.T) {
	t.Parallel()
	var samples []trial.Sample
	for i, v := range vectors {
		k, ok := all.Catalogue().Lookup(v.kind)
		if !ok {
			t.Fatalf("no kind %s", v.kind)
		}
		samples = append(samples, trial.Sample{Name: fmt.Sprintf("%s_v%d", v.kind, i), Kind: k, Example: v.e})
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		for _, frame := range []int{1, 3, 256} {
			runSamples(t, r, samples, frame)
		}
	})
}

// TestSourcesAndSinks are the rows of the old engine's sources and sinks.
func TestSourcesAndSinks(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in.txt", "one\ntwo\r\n\nlast")
		r.File("twice", "{recipe: twice, inputs: {in: {type: string}}, outputs: {out: {from: b}}, nodes: {a: {kind: to_uppercase, from: inputs.in}, b: {kind: md5_hash, from: a}}}")
		for _, frame := range []int{1, 3, 256} {
			res := r.Run(t, `
recipe: ends
nodes:
  ints:    {kind: integer_generator, config: {count: 5000, seed: 7}}
  some:    {kind: integer_generator, config: {count: 500, seed: 7, min: -3, max: 3}}
  strings: {kind: string_generator, config: {count: 3000, seed: 7}}
  lines:   {kind: file_reader, config: {path: in.txt}}
  sub:     {kind: 'recipe:twice', from: lines}
  ints_out:    {kind: file_writer, from: ints, config: {path: ints}}
  some_out:    {kind: file_writer, from: some, config: {path: some}}
  strings_out: {kind: file_writer, from: strings, config: {path: deep/er/strings}}
  lines_out:   {kind: file_writer, from: lines, config: {path: lines}}
  shown:       {kind: printer, from: lines}
  sub_out:     {kind: file_writer, from: sub, config: {path: sub}}
`, trial.Frames(frame)).Succeeded()
			within(t, r.Lines(t, "ints"), 5000, 0, 402)
			within(t, r.Lines(t, "some"), 500, -3, 3)
			text := r.Read(t, "deep/er/strings")
			if n := len(regexp.MustCompile(`(?m)^[A-Za-z0-9]{10}\n`).FindAllString(text, -1)); n != 3000 || len(text) != 33000 || !strings.Contains(text, "w") {
				t.Errorf("got %d strings in %d bytes, %.40q…", n, len(text), text)
			}
			if got := r.Read(t, "lines"); got != "one\ntwo\n\nlast\n" {
				t.Errorf("got lines %q", got)
			}
			if got := r.Console.Take(); got != "one\ntwo\n\nlast\n" {
				t.Errorf("got console %q", got)
			}
			if got := r.Lines(t, "sub"); len(got) != 4 || got[2] != "d41d8cd98f00b204e9800998ecf8427e" {
				t.Errorf("got %q of the included recipe", got)
			}
			if len(res.Dead) > 0 {
				t.Errorf("got dead letters %+v", res.Dead)
			}
		}
	})
}

// within checks that there are n numbers, all within bounds, and that both are met.
func within(t *testing.T, lines []string, n, low, high int) {
	t.Helper()
	seen := map[int]bool{}
	for _, l := range lines {
		var v int
		if _, err := fmt.Sscan(l, &v); err != nil || v < low || v > high {
			t.Fatalf("got %q, want a number from %d to %d", l, low, high)
		}
		seen[v] = true
	}
	if len(lines) != n || !seen[low] || !seen[high] {
		t.Errorf("got %d numbers (%v, %v), want %d from %d to %d", len(lines), seen[low], seen[high], n, low, high)
	}
}
