package crash

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// scene is a recipe with its inputs: one row of the table of what is killed.
type scene struct {
	name    string
	recipe  string
	more    map[string]string // further files: included recipes, and what is there before
	gz      bool              // the input is packed
	lines   int               // of the input
	frame   int               // records in a frame
	outputs []string
	letters int  // dead letters expected, per 1000 lines of input
	spread  bool // one input file of several splits
	flags   []string

	once   sync.Once
	calmed undisturbed // filled in by once
}

// line is line i of the input.
func line(i int) string {
	what := "Failed"
	if i%4 == 3 {
		what = "Accept"
	}
	return fmt.Sprintf("Oct 10 10:%02d:%02d host sshd[%06d]: %s password for root from 10.%d.%03d.%03d port 22 ssh2\n",
		i/60%60, i%60, i, what, i%7, i/256%256, i%256)
}

// number is line i of a file of numbers: some are none.
func number(i int) string {
	if i%1000 == 77 {
		return fmt.Sprintf("no%05d\n", i)
	}
	return fmt.Sprintf("%07d\n", i*7919%99991)
}

var scenes = []scene{
	{
		name: "stateless", lines: 8000, frame: 16, outputs: []string{"out.txt"},
		recipe: `
recipe: stateless
nodes:
  lines:   {kind: file_reader, config: {path: in.log}}
  failed:  {kind: regex_match, from: lines, config: {regex: '.*Failed password.*'}}
  address: {kind: regex_replace, from: failed, config: {regex: '.* from (\S+) port.*', replacement: '$1'}}
  digest:  {kind: sha256_hash, from: address}
  out:     {kind: file_writer, from: digest, config: {path: out.txt}}
`,
	},
	{
		name: "stateful", lines: 2400, frame: 8, outputs: []string{"out.txt"},
		recipe: `
recipe: stateful
nodes:
  lines:   {kind: file_reader, config: {path: in.log}}
  pace:    {kind: delay, from: lines, config: {duration: 400us}}
  text:    {kind: regex_replace, from: pace, config: {regex: '.*sshd.0*([1-9][0-9]*|0).:.*', replacement: '$1'}}
  value:   {kind: parse_int, from: text}
  sum:     {kind: rolling_sum, from: value, config: {values_to_keep: 100}}
  average: {kind: rolling_average, from: sum, config: {values_to_keep: 7}}
  out:     {kind: file_writer, from: average, config: {path: out.txt}}
`,
	},
	{
		name: "aggregating", lines: 2400, frame: 8, outputs: []string{"out.txt"},
		recipe: `
recipe: aggregating
nodes:
  lines:   {kind: file_reader, config: {path: in.log}}
  pace:    {kind: delay, from: lines, config: {duration: 400us}}
  address: {kind: regex_replace, from: pace, config: {regex: '.* from (\S+) port.*', replacement: '$1'}}
  counts:  {kind: count_by, from: address}
  most:    {kind: top, from: counts, config: {n: 50, by: count}}
  out:     {kind: file_writer, from: most, config: {path: out.txt, format: json_lines}}
`,
	},
	{
		name: "composed", lines: 2400, frame: 8, outputs: []string{"out.txt"},
		more: map[string]string{"part.yaml": `
recipe: part
inputs:
  in: {type: string}
nodes:
  lower:  {kind: to_lowercase, from: inputs.in}
  digest: {kind: md5_hash, from: lower}
  once:   {kind: dedupe, from: digest, config: {max_keys: 100000}}
outputs:
  out: {from: once}
`},
		recipe: `
recipe: composed
nodes:
  lines:  {kind: file_reader, config: {path: in.log}}
  pace:    {kind: delay, from: lines, config: {duration: 400us}}
  who:    {kind: regex_replace, from: pace, config: {regex: '.*(from .*)', replacement: '$1'}}
  hidden: {kind: "recipe:./part.yaml", from: who}
  again:  {kind: "recipe:./part.yaml", from: hidden}
  out:    {kind: file_writer, from: again, config: {path: out.txt}}
`,
	},
	{
		name: "merging", lines: 2400, frame: 8, outputs: []string{"out.txt", "all.txt"},
		recipe: `
recipe: merging
nodes:
  lines:  {kind: file_reader, config: {path: in.log}}
  pace:    {kind: delay, from: lines, config: {duration: 400us}}
  failed: {kind: regex_match, from: pace, config: {regex: '.*Failed.*'}}
  upper:  {kind: to_uppercase, from: {node: failed, capacity: 4}}
  digest: {kind: sha1_hash, from: failed}
  both:   {kind: trim, from: [upper, digest, pace]}
  out:    {kind: file_writer, from: both, config: {path: out.txt}}
  all:    {kind: file_writer, from: pace, config: {path: all.txt}}
`,
	},
	{
		name: "packed", lines: 2400, frame: 8, gz: true, outputs: []string{"out.txt"},
		recipe: `
recipe: packed
nodes:
  lines: {kind: file_reader, config: {path: in.log.gz}}
  pace:    {kind: delay, from: lines, config: {duration: 400us}}
  value: {kind: regex_replace, from: pace, config: {regex: '.* from (\S+) port.*', replacement: '$1'}}
  out:   {kind: file_writer, from: value, config: {path: out.txt}}
`,
	},
	{
		name: "append", lines: 2400, frame: 8, outputs: []string{"out.txt"},
		more: map[string]string{"out.txt": "what was there before\n"},
		recipe: `
recipe: append
nodes:
  lines: {kind: file_reader, config: {path: in.log}}
  pace:    {kind: delay, from: lines, config: {duration: 400us}}
  value: {kind: regex_replace, from: pace, config: {regex: '.* from (\S+) port.*', replacement: '$1'}}
  out:   {kind: file_writer, from: value, config: {path: out.txt, if_exists: append}}
`,
	},
	{
		name: "splits", lines: 2400, frame: 8, spread: true, outputs: []string{"out.txt"}, letters: 1,
		recipe: `
recipe: splits
nodes:
  lines: {kind: file_reader, config: {path: numbers.txt, split_bytes: 4000}}
  pace:    {kind: delay, from: lines, config: {duration: 400us}}
  value: {kind: parse_int, from: pace}
  sum:   {kind: rolling_sum, from: value, config: {values_to_keep: 3}}
  out:   {kind: file_writer, from: sum, config: {path: out.txt}}
`,
	},
}

// input is the path that the scene's source reads.
func (s *scene) input() string {
	switch {
	case s.gz:
		return "in.log.gz"
	case s.spread:
		return "numbers.txt"
	}
	return "in.log"
}

// lay writes the scene's files into a folder.
func (s *scene) lay(t testing.TB, dir string) {
	t.Helper()
	var text bytes.Buffer
	for i := range s.lines {
		if s.spread {
			text.WriteString(number(i))
		} else {
			text.WriteString(line(i))
		}
	}
	if s.gz {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(text.Bytes()); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		text = packed
	}
	write(t, filepath.Join(dir, s.input()), text.Bytes())
	write(t, filepath.Join(dir, "recipe.yaml"), []byte(s.recipe))
	for name, content := range s.more {
		write(t, filepath.Join(dir, name), []byte(content))
	}
}

// results reads the scene's outputs, and nothing else may lie beside them.
func (s *scene) results(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	got := map[string][]byte{}
	for _, name := range s.outputs {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		got[name] = b
	}
	hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(hidden) > 0 {
		t.Errorf("hidden files are left: %v %v", hidden, err)
	}
	return got
}

// same compares outputs and says where they differ.
func same(t testing.TB, got, want map[string][]byte) bool {
	t.Helper()
	good := true
	for name, w := range want {
		if g := got[name]; !bytes.Equal(g, w) {
			at := 0
			for at < len(g) && at < len(w) && g[at] == w[at] {
				at++
			}
			t.Errorf("%s: %d bytes, want %d; they differ at byte %d: got %.80q, want %.80q", name, len(g), len(w), at, g[at:], w[at:])
			good = false
		}
	}
	return good
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}
