package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestLateLines: what a job's printer printed last is shown, though it comes behind the word of the
// job's end; nothing is waited for where a job has no printer.
func TestLateLines(t *testing.T) {
	kind, state, asked := "printer", "succeeded", atomic.Int32{}
	job := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"j","recipe":"r","state":%q,"progress":{"job":"j","steps":[{"node":"o","kind":%q}]}}`, state, kind)
	}
	api := http.NewServeMux()
	api.HandleFunc("POST /v1/jobs", job)
	api.HandleFunc("GET /v1/jobs/j", job)
	api.HandleFunc("GET /v1/jobs/j/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		switch {
		case r.FormValue("follow") != "true":
			fmt.Fprintln(w, `{"type":"end","data":{}}`)
			return
		case r.FormValue("since") == "":
			fmt.Fprintln(w, `{"id":7,"job":"j","type":"state","level":"info","text":"succeeded","data":{"state":"succeeded"}}`)
			return
		}
		asked.Add(1)
		fmt.Fprintf(w, `{"id":8,"job":"j","type":"print","node":"o","level":"info","text":"behind %s"}`+"\n", r.FormValue("since"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	t.Setenv("SLUICE_SERVER", s.URL)
	t.Setenv("SLUICE_KEY", "slu_key")
	f := newFolder(t, map[string]string{"r.yaml": "recipe: r\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  o: {kind: printer, from: n}\n"})
	if r := f.must(0, "", "submit r.yaml -w"); r.out != "behind 7\n" {
		t.Errorf("submit -w: got %q", r.out)
	}
	state = "running" // until its events say otherwise
	if r := f.must(0, "", "logs -f j"); !strings.Contains(r.out, "behind 7") {
		t.Errorf("logs -f: got %q", r.out)
	}
	kind, state = "discard", "succeeded"
	before := asked.Load()
	if r := f.must(0, "", "submit r.yaml -w"); r.out != "" || asked.Load() != before {
		t.Errorf("without a printer: got %q, asked %d times", r.out, asked.Load()-before)
	}
}
