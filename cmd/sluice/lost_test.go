package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestLostEnd follows a job whose last event was not kept: the stream says that it is over, and how
// it ended is read from the job.
func TestLostEnd(t *testing.T) {
	read := 0
	job := func(w http.ResponseWriter, r *http.Request) {
		state := "running"
		if read++; r.Method == http.MethodGet && read > 2 {
			state = "failed"
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"j","recipe":"r","state":%q,"reason":"no room"}`, state)
	}
	api := http.NewServeMux()
	api.HandleFunc("POST /v1/jobs", func(w http.ResponseWriter, r *http.Request) { read = 2; job(w, r) })
	api.HandleFunc("GET /v1/jobs/j", job)
	api.HandleFunc("GET /v1/jobs/j/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		fmt.Fprintln(w, `{"id":7,"job":"j","type":"print","node":"o","level":"info","text":"one"}`+"\n"+`{"id":7,"type":"end","data":{"again":false}}`)
	})
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	t.Setenv("SLUICE_SERVER", s.URL)
	t.Setenv("SLUICE_KEY", "slu_key")
	f := newFolder(t, map[string]string{"r.yaml": "recipe: r\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  o: {kind: printer, from: n}\n"})
	if r := f.must(codeFailed, "", "submit r.yaml -w"); r.out != "one\n" || read < 3 {
		t.Errorf("submit -w: got %q after %d", r.out, read)
	}
	read = 0 // it runs when it is asked for
	if r := f.must(0, "", "logs -f j"); !strings.Contains(r.out, "one") {
		t.Errorf("logs -f: got %q", r.out)
	}
}

// TestLostRest follows a job that somebody pauses, of which the event that says so was not kept: it
// ends as it would at that event, and not while the job is to go on.
func TestLostRest(t *testing.T) {
	var paused, stays atomic.Bool
	api := http.NewServeMux()
	api.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) {
		state, want := "running", "run"
		if paused.Load() {
			state = "paused"
			if stays.Swap(true) { // it was to go on when it was asked for first
				want = "pause"
			}
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"j","recipe":"r","state":%q,"want":%q}`, state, want)
	})
	api.HandleFunc("GET /v1/jobs/j/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		paused.Store(r.FormValue("follow") == "true")
		for n := 0; paused.Load() && n < 3; n++ {
			fmt.Fprintf(w, `{"id":7,"job":"j","type":"print","node":"o","level":"info","text":"line %d"}`+"\n"+`{"id":7,"type":"heartbeat"}`+"\n", n)
		}
		fmt.Fprintln(w, `{"type":"end","data":{}}`)
	})
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	t.Setenv("SLUICE_SERVER", s.URL)
	t.Setenv("SLUICE_KEY", "slu_key")
	f := newFolder(t, map[string]string{"r.yaml": "recipe: r\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  o: {kind: printer, from: n}\n"})
	r := f.must(codeInterrupted, "", "submit r.yaml -w")
	if r.out != "line 0\nline 1\n" || !strings.Contains(r.errs, "job j is paused; sluice resume j lets it go on") {
		t.Errorf("submit -w: got %q, %q", r.out, r.errs)
	}
	paused.Store(false)
	stays.Store(false)
	if r := f.must(0, "", "logs -f j"); !strings.Contains(r.out, "line 1") || strings.Contains(r.out, "line 2") {
		t.Errorf("logs -f: got %q", r.out)
	}
}
