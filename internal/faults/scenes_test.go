//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
)

// scene is a reference job. All are chains, so that what leaves a step is what the next one
// takes.
type scene struct {
	name   string
	recipe string
	files  map[string]string // that it includes
	pace   string            // default of its parameter pace, in an undisturbed run
	slow   func(lasts time.Duration) string
	input  func() []byte // nil for that of most scenes
	url    string        // where it reads its input from; "" for a file
	makes  func() []byte // what must come out, where it is known without a run
	dead   int           // how many records must become dead letters

	once sync.Once
	want []byte // of an undisturbed run
	err  error
}

// lines of the input of every scene.
const lines = 16000

// input is the file that every scene reads.
var input = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	for i := range lines {
		what := "Failed"
		if i%4 == 3 {
			what = "Accept"
		}
		fmt.Fprintf(&b, "Oct 10 10:%02d:%02d host sshd[%06d]: %s password for root from 10.%d.%03d.%03d port 22 ssh2\n",
			i/60%60, i%60, i, what, i%7, i/256%256, i%256)
	}
	return b.Bytes()
})

// read is what the scene reads.
func (s *scene) read() []byte {
	if s.input != nil {
		return s.input()
	}
	return input()
}

// rate makes a throttle last as long as is wanted.
func rate(lasts time.Duration) string {
	return strconv.FormatFloat(lines/lasts.Seconds(), 'f', 1, 64)
}

// wait makes a delay last so long, about: 4 frames beside each other wait record by record.
func wait(lasts time.Duration) string { return (lasts * 4 / lines).Round(time.Microsecond).String() }

var scenes = []*scene{
	{name: "stateless", pace: "1us", slow: wait, recipe: `
recipe: stateless
params:
  file: {type: string}
  out: {type: string}
  pace: {type: string}
nodes:
  lines:   {kind: file_reader, config: {path: "${file}"}}
  pace:    {kind: delay, from: lines, parallel: 4, config: {duration: "${pace}"}}
  failed:  {kind: regex_match, from: pace, config: {regex: '.*Failed password.*'}}
  digest:  {kind: sha256_hash, from: failed}
  out:     {kind: file_writer, from: digest, config: {path: "${out}"}}
`},
	{name: "stateful", pace: "100000000", slow: rate, recipe: `
recipe: stateful
params:
  file: {type: string}
  out: {type: string}
  pace: {type: float}
nodes:
  lines:   {kind: file_reader, config: {path: "${file}"}}
  pace:    {kind: throttle, from: lines, config: {rate: "${pace}"}}
  text:    {kind: regex_replace, from: pace, config: {regex: '.*sshd.0*([1-9][0-9]*|0).:.*', replacement: '$1'}}
  value:   {kind: parse_int, from: text}
  sum:     {kind: rolling_sum, from: value, config: {values_to_keep: 100}}
  average: {kind: rolling_average, from: sum, config: {values_to_keep: 7}}
  out:     {kind: file_writer, from: average, config: {path: "${out}"}}
`},
	{name: "composed", pace: "100000000", slow: rate, files: map[string]string{"part.yaml": `
recipe: part
inputs:
  in: {type: string}
nodes:
  lower:  {kind: to_lowercase, from: inputs.in}
  digest: {kind: md5_hash, from: lower}
  once:   {kind: dedupe, from: digest, config: {max_keys: 100000}}
outputs:
  out: {from: once}
`}, recipe: `
recipe: composed
params:
  file: {type: string}
  out: {type: string}
  pace: {type: float}
nodes:
  lines:  {kind: file_reader, config: {path: "${file}"}}
  who:    {kind: regex_replace, from: lines, config: {regex: '.*(from .*)', replacement: '$1'}}
  hidden: {kind: "recipe:./part.yaml", from: who}
  pace:   {kind: throttle, from: hidden, config: {rate: "${pace}"}}
  again:  {kind: "recipe:./part.yaml", from: pace}
  out:    {kind: file_writer, from: again, config: {path: "${out}"}}
`},
	// The step before the sink is slow and its edge small: all above waits for it.
	{name: "slow sink", pace: "100000000", slow: rate, recipe: `
recipe: slow-sink
params:
  file: {type: string}
  out: {type: string}
  pace: {type: float}
nodes:
  lines: {kind: file_reader, config: {path: "${file}"}}
  upper: {kind: to_uppercase, from: {node: lines, capacity: 4}}
  pace:  {kind: throttle, from: {node: upper, capacity: 2}, config: {rate: "${pace}"}}
  out:   {kind: file_writer, from: {node: pace, capacity: 2}, config: {path: "${out}"}}
`},
}

// undisturbed returns what the recipe makes where nothing happens, with sluice run.
func (s *scene) undisturbed(t testing.TB, binary string) []byte {
	t.Helper()
	if s.makes != nil {
		return s.makes()
	}
	s.once.Do(func() {
		dir := t.TempDir()
		files := map[string]string{"recipe.yaml": s.recipe, "in.log": string(s.read())}
		for name, text := range s.files {
			files[name] = text
		}
		for name, text := range files {
			if s.err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); s.err != nil {
				return
			}
		}
		cmd := exec.Command(binary, "run", "recipe.yaml", "-p", "file=in.log", "-p", "out=out.txt", "-p", "pace="+s.pace, "--progress", "none")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			s.err = fmt.Errorf("%s undisturbed: %w\n%s", s.name, err, out)
			return
		}
		s.want, s.err = os.ReadFile(filepath.Join(dir, "out.txt"))
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.want
}

// submission is that of a job that lasts for about so long and writes a file.
func (s *scene) submission(file, out string, lasts time.Duration) coordinator.Submission {
	return coordinator.Submission{Document: coordinator.Document{Source: s.recipe, File: "recipe.yaml", Files: s.files,
		Params: map[string]any{"file": file, "out": out, "pace": s.slow(lasts)}}}
}
