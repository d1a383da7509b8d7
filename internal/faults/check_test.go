//go:build linux

package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// The checkers. Each looks at one thing and returns what is wrong with it, so that builds
// which are broken on purpose can be held against each.

// sameOutput compares what came out with what must: every record, once, in its place.
func sameOutput(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	count := map[string]int{}
	for l := range bytes.Lines(want) {
		count[string(l)]++
	}
	for l := range bytes.Lines(got) {
		count[string(l)]--
	}
	lost, doubled := 0, 0
	for _, n := range count {
		lost, doubled = lost+max(0, n), doubled+max(0, -n)
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	return fmt.Errorf("output: %d records are missing and %d are too many; it differs at byte %d: got %.80q, want %.80q", lost, doubled, at, got[at:], want[at:])
}

// ended says that a job has not come to a good end.
func ended(j *coordinator.Job) error {
	switch {
	case !j.State.AtRest():
		return fmt.Errorf("stuck: the job is %s; %s", j.State, j.Waiting)
	case j.State != recipe.JobSucceeded:
		return fmt.Errorf("the job has %s: %s", j.State, j.Reason)
	}
	return nil
}

// conserved holds what each step of a chain has taken against what the one above gave, what the
// source read against its file, what the sink took against what must come out, and what has become
// dead letters against what must.
func conserved(p *recipe.Progress, read, wrote, dead int64) error {
	if p == nil || len(p.Steps) == 0 {
		return fmt.Errorf("conservation: the job has no progress")
	}
	for i, s := range p.Steps {
		if i > 0 && s.In != p.Steps[i-1].Out {
			return fmt.Errorf("conservation: %s gave %d records, and %s took %d", p.Steps[i-1].Node, p.Steps[i-1].Out, s.Node, s.In)
		}
		if dead -= s.Dead; dead < 0 || s.Dropped+s.Expired+s.Skipped > 0 {
			return fmt.Errorf("conservation: %s lost records: %+v", s.Node, s)
		}
	}
	if dead > 0 {
		return fmt.Errorf("conservation: %d records too few are dead letters", dead)
	}
	if n := p.Steps[0].In; n != read {
		return fmt.Errorf("conservation: the source read %d records of %d", n, read)
	}
	if n := p.Steps[len(p.Steps)-1].In; n != wrote {
		return fmt.Errorf("conservation: the sink took %d records of %d", n, wrote)
	}
	return nil
}

// toldOnce holds the states of a job's events against how it is: the end is told once, and
// nothing behind it.
func toldOnce(states []recipe.JobState, is recipe.JobState) error {
	ends := 0
	for _, s := range states {
		if s.Final() {
			ends++
		}
	}
	if ends != 1 || states[len(states)-1] != is {
		return fmt.Errorf("events: the job has %s, and its events tell of %d ends: %v", is, ends, states)
	}
	return nil
}

// told asks for the events of a job. The end is told within a minute, also when the leader dies
// that has seen it.
func (c *cluster) told(ctx context.Context, id recipe.JobID, is recipe.JobState) []error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		states, err := again(ctx, c, func(ctx context.Context, i int) (all []recipe.JobState, err error) {
			err = c.apis[i].Events(ctx, id, 0, false, func(e client.Event) error {
				var s coordinator.Status
				if e.Type != coordinator.EventState {
					return nil
				}
				err := json.Unmarshal(e.Data, &s)
				all = append(all, s.State)
				return err
			})
			return all, err
		})
		if err == nil {
			err = toldOnce(states, is)
		}
		if err == nil {
			return nil
		}
		if !pass(ctx, 200*time.Millisecond) {
			return []error{fmt.Errorf("job %s: %w", id, err)}
		}
	}
}

// letters asks for a job's dead letters: there are as many as records have failed, each once.
func (c *cluster) letters(ctx context.Context, id recipe.JobID, want int) error {
	seen := map[string]bool{}
	for after := ""; ; {
		page, err := again(ctx, c, func(ctx context.Context, i int) (coordinator.DeadLetterPage, error) {
			return c.apis[i].Letters(ctx, id, "", after)
		})
		if err != nil {
			return fmt.Errorf("dead letters: %w", err)
		}
		for _, l := range page.Letters {
			if at := l.Node + " " + l.Place; seen[l.ID] || seen[at] {
				return fmt.Errorf("dead letters: two of %q, %s", at, l.ID)
			} else if seen[l.ID] = true; l.Place != "" {
				seen[at] = true
			}
			want--
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if want != 0 {
		return fmt.Errorf("dead letters: %d are missing (below 0: too many)", want)
	}
	return nil
}

// orphans looks for streams of jobs that are deleted.
func orphans(ctx context.Context, conn *bus.Conn, jobs []recipe.JobID) error {
	var left []string
	for _, id := range jobs {
		all, err := conn.Streams(ctx, bus.Names{Job: id}.Prefix())
		if err != nil {
			return err
		}
		left = append(left, all...)
	}
	if len(left) > 0 {
		return fmt.Errorf("streams of deleted jobs are left: %s", strings.Join(left, " "))
	}
	return nil
}

// noMore holds all streams that there are at the end against those that there were before the
// first job.
func (c *cluster) noMore(ctx context.Context, were []string) error {
	are, err := c.conn.Streams(ctx, "")
	if err != nil {
		return err
	}
	more := slices.DeleteFunc(are, func(s string) bool { return slices.Contains(were, s) })
	if len(more) > 0 {
		return fmt.Errorf("streams that were not there before the first job: %s", strings.Join(more, " "))
	}
	return nil
}

// levels shows numbers of goroutines.
func levels(was, is map[*process]int) string {
	var all []string
	for p, n := range is {
		all = append(all, fmt.Sprintf("%s %d, %d", p.name, was[p], n))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// moreGoroutines is how many more a process may have at rest than when it was new: those of
// connections that are kept.
const moreGoroutines = 15

// leaks compares the goroutines of a process with those that it had.
func leaks(name string, was, is int) error {
	if is > was+moreGoroutines {
		return fmt.Errorf("%s has %d goroutines at rest, and had %d when it was new", name, is, was)
	}
	return nil
}

// goroutines asks a process how many it has.
func goroutines(ctx context.Context, at string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	rows := bufio.NewScanner(resp.Body)
	for rows.Scan() {
		if text, ok := strings.CutPrefix(rows.Text(), "go_goroutines "); ok {
			n, err := strconv.ParseFloat(text, 64)
			return int(n), err
		}
	}
	return 0, fmt.Errorf("%s tells no go_goroutines (%s)", at, resp.Status)
}
