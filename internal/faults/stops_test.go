//go:build linux

package faults

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/recipe"
)

// full is a job that nothing holds up: it takes what the machine gives.
var full = &scene{name: "full load", pace: "100000000", slow: func(time.Duration) string { return "100000000" }, recipe: `
recipe: full
params:
  file: {type: string}
  out: {type: string}
  pace: {type: float}
nodes:
  lines:  {kind: file_reader, config: {path: "${file}"}}
  text:   {kind: regex_replace, from: lines, config: {regex: '.*sshd.0*([1-9][0-9]*|0).:.*', replacement: '$1'}}
  value:  {kind: parse_int, from: text}
  sum:    {kind: rolling_sum, from: value, config: {values_to_keep: 100}}
  average: {kind: rolling_average, from: sum, config: {values_to_keep: 7}}
  out:    {kind: file_writer, from: average, config: {path: "${out}"}}
`, input: sync.OnceValue(func() []byte { return bytes.Repeat(input(), 50) })}

// stopWithin is what was promised.
const stopWithin = 2 * time.Second

// TestH3StopUnderLoad stops a job at full load and lets it go on, several times: it rests within
// 2 s of the request, goes on, and nothing is lost or doubled. It runs alone.
func TestH3StopUnderLoad(t *testing.T) {
	minutes(t, false)
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 3, folder: true, build: build(t, "hasty", hasty...)})
	var took []time.Duration
	for n := 12 * often(3); len(took) < n; {
		r := c.submit(t.Context(), full, 0)
		for len(took) < n && c.moves(t, r.id) {
			d, err := c.stopped(t.Context(), r.id)
			if err != nil {
				t.Fatal(err)
			}
			if d > 0 {
				took = append(took, d)
			}
		}
		for _, err := range c.judge(t.Context(), r) {
			t.Error(err)
		}
		if t.Failed() {
			t.Fatal(c.logs(20))
		}
	}
	slices.Sort(took)
	longest := took[len(took)-1]
	table.note(t, "%d stops of a job at full load, from the request to rest, each gone on with: p50 %v, max %v; %s", len(took),
		took[len(took)/2].Round(time.Millisecond), longest.Round(time.Millisecond), good)
	if longest > stopWithin {
		t.Errorf("a job took %v to stop, want at most %v", longest, stopWithin)
	}
}

// moves waits until a job has written more, and reports whether it still runs then.
func (c *cluster) moves(t *testing.T, id recipe.JobID) bool {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	taken := func() (int64, bool) {
		j, err := c.job(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if j.Progress == nil || len(j.Progress.Steps) == 0 {
			return 0, j.State.Final()
		}
		return j.Progress.Steps[len(j.Progress.Steps)-1].In, j.State.Final()
	}
	was, final := taken()
	for now := was; now <= was && !final; now, final = taken() {
		if !pass(ctx, 50*time.Millisecond) {
			t.Fatalf("job %s does not move: %d records are at its end\n%s", id, now, c.logs(20))
		}
	}
	return !final
}

// stopped stops a job, says how long that took, and lets it go on; 0 when it had ended.
func (c *cluster) stopped(ctx context.Context, id recipe.JobID) (time.Duration, error) {
	began := time.Now()
	if _, err := c.apis[0].Order(ctx, id, client.Stop); err != nil {
		if j, jerr := c.job(ctx, id); jerr == nil && j.State.Final() {
			return 0, nil
		}
		return 0, err
	}
	limit, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	for {
		j, err := c.apis[1].Job(limit, id)
		if err == nil && j.State.AtRest() {
			took := time.Since(began)
			switch j.State {
			case recipe.JobSucceeded: // it was done in the same moment
				return 0, nil
			case recipe.JobStopped:
				rec, err := job.Stored(ctx, c.conn, id)
				if err == nil && rec.State != recipe.JobStopped {
					err = fmt.Errorf("job %s is said to be stopped, and workers are told that it is %s", id, rec.State)
				}
				if err == nil {
					_, err = c.apis[1].Order(ctx, id, client.Resume)
				}
				return took, err
			}
			return took, fmt.Errorf("job %s is %s, and was stopped: %s", id, j.State, j.Reason)
		}
		if !pass(limit, 10*time.Millisecond) {
			return 0, fmt.Errorf("job %s does not stop: %w", id, err)
		}
	}
}

// TestH3StopInElection stops a job at full load while three servers elect a leader for its record:
// that takes longer than 2 s, and then workers know it, and nothing is lost or doubled.
func TestH3StopInElection(t *testing.T) {
	minutes(t, false)
	c := newCluster(t, shape{servers: 3, coordinators: 2, workers: 3, folder: true, build: build(t, "hasty", hasty...)})
	var longest time.Duration
	for n, stops := 0, often(10); n < stops; {
		r := c.submit(t.Context(), full, 0)
		for n < stops && c.moves(t, r.id) {
			if _, err := c.conn.Request(t.Context(), "$JS.API.STREAM.LEADER.STEPDOWN."+bus.JobsStream, nil); err != nil {
				t.Fatal(err)
			}
			d, err := c.stopped(t.Context(), r.id)
			if err != nil {
				t.Fatal(err)
			}
			if d > 0 {
				longest = max(longest, d)
				n++
			}
		}
		for _, err := range c.judge(t.Context(), r) {
			t.Error(err)
		}
		if t.Failed() {
			t.Fatal(c.logs(20))
		}
	}
	table.note(t, "%d stops of a job at full load while the leader of its record steps down: max %v; %s", often(10), longest.Round(time.Millisecond), good)
}

// TestH3RollUnderLoad restarts all workers and coordinators, one behind the other, while jobs
// run at full load. It runs alone.
func TestH3RollUnderLoad(t *testing.T) {
	minutes(t, false)
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 3, folder: true, build: build(t, "hasty", hasty...)})
	sound := func(r *running) {
		for _, err := range c.judge(t.Context(), r) {
			t.Error(err)
		}
		if t.Failed() {
			t.Fatal(c.logs(20))
		}
	}
	jobs, longest, rolls := 1, time.Duration(0), often(3)
	r := c.submit(t.Context(), full, 0)
	for range rolls {
		for _, p := range append(append([]*process(nil), c.workers...), c.coords...) {
			for !c.moves(t, r.id) {
				sound(r)
				r = c.submit(t.Context(), full, 0)
				jobs++
			}
			began := time.Now()
			if code := p.end(); code != 0 {
				t.Fatalf("%s was told to end and ended with %d\n%s", p.name, code, p.tail(20))
			}
			longest = max(longest, time.Since(began))
			p.start(t)
		}
	}
	sound(r)
	table.note(t, "%d rolling restarts of 3 workers and 2 coordinators while %d jobs ran at full load, each restart while one moved, the longest drain %v; %s",
		rolls, jobs, longest.Round(time.Millisecond), good)
}
