package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/figures"
	"sluice/nodes/all"
	"sluice/recipe"
)

// listWithin is the bound on the p99 of a list with 5,000 jobs in the history.
const listWithin = 50 * time.Millisecond

// TestHistory lists jobs with 5,000 that have ended in the history, as it is and while eight
// clients submit.
func TestHistory(t *testing.T) {
	finished, asks := 1000, 200
	if *long {
		finished, asks = 5000, 1000
	}
	server := bustest.Server(t)
	writeHistory(t, bustest.Connect(t, server), finished)
	d := newDeskOn(t, server, unlimited)
	paths := []string{"/v1/jobs", "/v1/jobs?limit=500", "/v1/jobs?state=failed&label=team=blue", "/v1/jobs?owner=nobody", "/v1/jobs?recipe=upper&limit=100"}
	d.do("GET", paths[0], "") // the connection is there
	list := func() []time.Duration {
		took := make([]time.Duration, asks)
		for i := range took {
			began := time.Now()
			if resp, body := d.do("GET", paths[i%len(paths)], ""); resp.StatusCode != 200 || !json.Valid([]byte(body)) {
				t.Fatalf("got %d %.200s", resp.StatusCode, body)
			}
			took[i] = time.Since(began)
		}
		return took
	}
	quiet := list()
	p50, p99 := percentiles(quiet)
	figures.Note(t, "%d jobs in the history, %d lists: p50 %v, p99 %v", finished, asks, p50, p99)
	if *long && p99 > listWithin { // otherwise other tests run at the same time
		t.Errorf("p99 is %v, above %v", p99, listWithin)
	}
	submits := d.submitting(8, asks/8)
	busy := list()
	l50, l99 := percentiles(busy)
	s50, s99 := percentiles(submits())
	figures.Note(t, "the same while 8 clients submit %d jobs: list p50 %v, p99 %v; submit p50 %v, p99 %v", asks, l50, l99, s50, s99)
}

// submitting starts clients that submit, each so many jobs; the result waits for their end and
// returns how long each took.
func (d *desk) submitting(clients, each int) (wait func() []time.Duration) {
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	for range clients {
		c := d.client(coordinator.Author)
		all.Go(func() {
			for range each {
				ctx, cancel := context.WithTimeout(context.Background(), bustest.Timeout)
				began := time.Now()
				_, err := c.Submit(ctx, submission(), "")
				cancel()
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				if err != nil {
					d.t.Error(err)
					return
				}
			}
		})
	}
	return func() []time.Duration { all.Wait(); return took }
}

// writeHistory writes the records of jobs that have ended, as a coordinator leaves them.
func writeHistory(t *testing.T, conn *bus.Conn, n int) {
	t.Helper()
	control, err := store.Open(t.Context(), store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	jobs := store.NewJobs(control)
	if err := control.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan, faults := compile.Compile("r.yaml", []byte(upper), compile.Options{Catalogue: all.Catalogue()})
	if plan == nil {
		t.Fatal(faults)
	}
	states := []recipe.JobState{recipe.JobSucceeded, recipe.JobFailed, recipe.JobCancelled}
	var work sync.WaitGroup
	for worker := range 8 {
		work.Go(func() {
			for i := worker; i < n; i += 8 {
				at := time.Now().UTC().Add(-time.Duration(n-i) * time.Second)
				id := recipe.JobID(fmt.Sprintf("job%05d", i))
				_, _, err := jobs.Submit(t.Context(), &coordinator.Spec{Job: id, Recipe: plan.Recipe, Source: upper, Plan: plan, Owner: fmt.Sprint("user", i%7), Labels: map[string]string{"team": []string{"red", "blue"}[i%2]}, Created: at})
				if err == nil {
					err = jobs.WriteStatus(t.Context(), id, coordinator.Status{State: states[i%3], Started: at, Ended: at.Add(time.Second)})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
}

func percentiles(took []time.Duration) (p50, p99 time.Duration) {
	slices.Sort(took)
	return took[len(took)/2].Round(10 * time.Microsecond), took[len(took)*99/100].Round(10 * time.Microsecond)
}
