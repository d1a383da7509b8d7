package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"sluice/internal/bus/bustest"
)

// collector is a server that takes traces by OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu   sync.Mutex
	got  []byte // guarded by mu
	path string // guarded by mu
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got, c.path = append(c.got, text...), r.URL.Path
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Server.Close)
	return c
}

func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.got)
}

const submitted = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// TestTracesAreSent sends spans to a collector, and nothing of an error, a path or a header.
func TestTracesAreSent(t *testing.T) {
	c := newCollector(t)
	tracer, err := NewTracer(t.Context(), TraceConfig{Endpoint: c.URL, Service: "coordinator", Version: "v1", Share: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, end := tracer.Span(t.Context(), "", "job run", "job", "j1")
	end(errors.New("record canary-in-error is bad"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/jobs/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	r := httptest.NewRequest(http.MethodGet, "/v1/jobs/canary-in-path?x=canary-in-query", nil)
	r.Header.Set("Authorization", "Bearer canary-in-header")
	r.Header.Set("baggage", "k=canary-in-baggage")
	New("coordinator", "v1").Requests(tracer, mux).ServeHTTP(httptest.NewRecorder(), r)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := c.text()
	for _, want := range []string{"job run", "GET /v1/jobs/{id}", "sluice-coordinator", "j1"} {
		if !strings.Contains(got, want) {
			t.Errorf("the collector has no %q", want)
		}
	}
	if strings.Contains(got, "canary") || c.path != "/v1/traces" {
		t.Errorf("the collector got, at %s: %q", c.path, got)
	}
}

// recorded returns a tracer whose spans are kept here.
func recorded(t *testing.T, share float64) (*Tracer, func() tracetest.SpanStubs) {
	spans := tracetest.NewInMemoryExporter()
	tracer := newTracer(TraceConfig{Share: share, Log: hclog.NewNullLogger()}, spans)
	t.Cleanup(func() {
		if err := tracer.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return tracer, func() tracetest.SpanStubs {
		if err := tracer.provider.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		return spans.GetSpans()
	}
}

// TestSubmission carries a trace from a client through a request into the job's run.
func TestSubmission(t *testing.T) {
	tracer, spans := recorded(t, 0)
	kept := ""
	h := New("coordinator", "v1").Requests(tracer, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		Operation(r.Context(), "submit-job")
		kept = TraceParent(r.Context())
	}))
	r := httptest.NewRequest(http.MethodPost, "/v1/jobs", nil)
	r.Header.Set("traceparent", submitted)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if !strings.HasPrefix(kept, submitted[:36]) || kept == submitted || len(kept) != len(submitted) {
		t.Fatalf("got %q to keep, want a child of %s", kept, submitted)
	}
	ctx, end := tracer.Span(t.Context(), kept, "job run")
	_, inner := tracer.Span(ctx, "", "provision")
	inner(nil)
	end(nil)
	got := spans()
	if len(got) != 3 || got[0].Name != "submit-job" || got[1].Parent.SpanID() != got[2].SpanContext.SpanID() || got[2].Parent.SpanID() != got[0].SpanContext.SpanID() {
		t.Fatalf("got %+v", got)
	}
	for _, s := range got {
		if s.SpanContext.TraceID().String() != submitted[3:35] {
			t.Errorf("%s is of another trace", s.Name)
		}
	}
}

// TestSampled keeps none of what begins here with a share of 0, all with 1, and what is not
// asked for costs no span.
func TestSampled(t *testing.T) {
	for share, want := range map[float64]int{0: 0, 1: 100} {
		tracer, spans := recorded(t, share)
		for range 100 {
			ctx, end := tracer.Span(t.Context(), "", "x", "a", "b", "odd")
			if (TraceParent(ctx) != "") != (want > 0) {
				t.Errorf("share %v: got %q to keep", share, TraceParent(ctx))
			}
			end(nil)
		}
		if got := len(spans()); got != want {
			t.Errorf("share %v: got %d spans, want %d", share, got, want)
		}
	}
	tracer, spans := recorded(t, 0)
	for _, bad := range []string{"x", strings.Repeat("0", 1<<16), submitted[:54] + "0"} {
		_, end := tracer.Span(t.Context(), bad, "x")
		end(nil)
	}
	if got := spans(); len(got) != 0 {
		t.Errorf("got %d spans of contexts that ask for none", len(got))
	}
}

// TestOff calls everything of no tracer.
func TestOff(t *testing.T) {
	tracer, err := NewTracer(t.Context(), TraceConfig{Share: 1})
	if tracer != nil || err != nil {
		t.Fatalf("got %v, %v without an endpoint", tracer, err)
	}
	allocs := testing.AllocsPerRun(100, func() {
		_, end := tracer.Span(t.Context(), submitted, "x", "a", "b")
		end(nil)
	})
	if allocs > 0 {
		t.Errorf("a span that nobody wants takes %v allocations", allocs)
	}
	if TraceParent(t.Context()) != "" || tracer.Close(t.Context()) != nil {
		t.Error("no tracer traces")
	}
}

// TestNoCollector ends in time without a collector, or with one that hangs, and says so.
func TestNoCollector(t *testing.T) {
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hangs.Close()
	defer close(release)
	var log bytes.Buffer
	tracer, err := NewTracer(t.Context(), TraceConfig{Endpoint: hangs.URL, Share: 1, Log: hclog.New(&hclog.LoggerOptions{Output: &log})})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for range 3 * queuedSpans { // none waits for the collector
		_, end := tracer.Span(t.Context(), "", "x")
		end(nil)
	}
	if d := time.Since(begun); d > bustest.Within(time.Second) {
		t.Errorf("spans took %v", d)
	}
	begun = time.Now()
	_ = tracer.Close(t.Context())
	if d := time.Since(begun); d > bustest.Within(traceWithin+time.Second) {
		t.Errorf("the end took %v", d)
	}
}

// TestComplaints logs what is lost, once a minute.
func TestComplaints(t *testing.T) {
	var log bytes.Buffer
	q := &quiet{SpanExporter: refusing{}, log: hclog.New(&hclog.LoggerOptions{Output: &log})}
	for range 10 {
		if err := q.ExportSpans(t.Context(), make([]sdk.ReadOnlySpan, 7)); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(log.String(), "traces were not sent"); n != 1 || !strings.Contains(log.String(), "spans=7") || q.lost != 63 {
		t.Errorf("got %d lines, %d lost: %s", n, q.lost, log.String())
	}
}

type refusing struct{ sdk.SpanExporter }

func (refusing) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return errors.New("refused") }
