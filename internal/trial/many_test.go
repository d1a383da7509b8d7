package trial_test

import (
	"fmt"
	"sync"
	"testing"

	"sluice/internal/figures"
	"sluice/internal/trial"
)

// TestSubsets has workers that serve disjoint sets of kinds, none of which could run the
// job alone.
func TestSubsets(t *testing.T) {
	teams := [][]string{{"file_*", "gate"}, {"regex_*", "to_*"}, {"*_hash", "count_by"}}
	trial.Each(t, trial.Config{Workers: teams}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(5000, "line %d"))
		r.Run(t, `
recipe: subsets
nodes:
  lines: {kind: file_reader, config: {path: in}}
  some:  {kind: regex_match, from: lines, config: {regex: '.*[02468]'}}
  hash:  {kind: md5_hash, from: some}
  up:    {kind: to_uppercase, from: hash}
  count: {kind: count_by, from: up}
  out:   {kind: file_writer, from: up, config: {path: out}}
  keys:  {kind: file_writer, from: count, config: {path: keys}}
`, trial.Frames(40)).Succeeded()
		if a, b := len(r.Lines(t, "out")), len(r.Lines(t, "keys")); a != 2500 || b != 2500 {
			t.Errorf("got %d lines and %d keys, want 2500", a, b)
		}
	})
}

// TestNobodyServes shows what becomes of a job with a kind that no worker serves: it is
// failed after a while, and the edge is named.
func TestNobodyServes(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{Workers: [][]string{{"file_*"}}, Stall: 6e9}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(50, "%d"))
		r.Run(t, `
recipe: alone
nodes:
  lines: {kind: file_reader, config: {path: in}}
  hash:  {kind: md5_hash, from: lines}
  out:   {kind: file_writer, from: hash, config: {path: out}}
`).Failed("edge e1", "md5_hash")
	})
}

// TestH4ManyJobs is row H4: it runs ten jobs at once on one server and the same workers: none sees
// anything of another.
func TestH4ManyJobs(t *testing.T) {
	jobs := 10
	if *long {
		jobs = 100
	}
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		var all sync.WaitGroup
		for i := range jobs {
			in := fmt.Sprintf("in%d", i)
			r.File(in, lines(1000+i, fmt.Sprintf("job %d line %%d", i)))
			j := r.Job(t, fmt.Sprintf(`
recipe: many%[1]d
nodes:
  lines: {kind: file_reader, config: {path: in%[1]d}}
  same:  {kind: regex_replace, from: lines, config: {regex: 'line', replacement: 'LINE'}}
  back:  {kind: regex_replace, from: same, config: {regex: 'LINE', replacement: 'line'}}
  count: {kind: count_by, from: back}
  out:   {kind: file_writer, from: back, config: {path: out%[1]d}}
  keys:  {kind: file_writer, from: count, config: {path: keys%[1]d}}
`, i), trial.Frames(50))
			all.Go(func() {
				if res := j.Run(); res.State != "succeeded" {
					t.Errorf("job %d: %s: %s", i, res.State, res.Reason)
				}
			})
		}
		all.Wait()
		figures.Note(t, "%d jobs at once", jobs)
		for i := range jobs {
			if t.Failed() {
				break
			}
			if r.Read(t, fmt.Sprintf("out%d", i)) != r.Read(t, fmt.Sprintf("in%d", i)) || len(r.Lines(t, fmt.Sprintf("keys%d", i))) != 1000+i {
				t.Errorf("job %d: the output differs", i)
			}
		}
	})
}

// TestWideMerge merges more edges than a step has frames in hand; all but one of the
// sources are slow.
func TestWideMerge(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(2000, "%d"))
		r.File("few", lines(30, "%d"))
		text, from := "recipe: wide\nnodes:\n  fast: {kind: file_reader, config: {path: in}}\n", "fast"
		for i := range 39 {
			text += fmt.Sprintf("  n%d: {kind: file_reader, config: {path: few}}\n  h%d: {kind: held, from: n%d, config: {path: go}}\n", i, i, i)
			from += fmt.Sprintf(", h%d", i)
		}
		text += "  hash: {kind: md5_hash, from: [" + from + "]}\n  out: {kind: file_writer, from: hash, config: {path: out}}\n"
		j := r.Job(t, text, trial.Frames(20))
		seen := make(chan struct{})
		var once sync.Once
		j.Show = seenWhen("hash", 1000, func() { once.Do(func() { close(seen) }) })
		done := j.Start(nil)
		select {
		case <-seen: // the fast source passes while the others wait
		case res := <-done:
			t.Fatalf("the job ended: %s", res.Reason)
		case <-timeout(45): // the others wait for ever: any bound shows it
			t.Error("the records of the one fast source did not pass")
		}
		r.File("go", "")
		(<-done).Succeeded()
	})
}
