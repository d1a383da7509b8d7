package main

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"sluice/internal/bus/bustest"
)

// TestTraceOfAJob: the run of a job is a part of the trace that its submission came with.
func TestTraceOfAJob(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	var mu sync.Mutex
	var got []byte
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		data, _ := io.ReadAll(body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, data...)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(collector.Close)
	f := newFolder(t, nil)
	up := f.up("--trace-share 0 --otlp-endpoint " + collector.URL)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, up.address()+"/v1/jobs",
		strings.NewReader(`{"source":"recipe: r\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  o: {kind: printer, from: n}\n"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(f.read("data/admin.key")))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusCreated {
		t.Fatalf("got %s: %s", answer.Status, text)
	}
	id, err := hex.DecodeString(trace)
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the span of the run, with the trace's id", func() bool {
		mu.Lock()
		defer mu.Unlock()
		at := bytes.Index(got, []byte("job run"))
		return at > 0 && bytes.Contains(got[max(0, at-64):at], id) // the fields of a span stand in the order of their numbers
	})
}
