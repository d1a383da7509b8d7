package api_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
)

// TestStoreAway takes the store away: every route that needs it says so, soon, and when to ask
// again.
func TestStoreAway(t *testing.T) {
	server := bustest.Server(t)
	d := newDeskOn(t, server, unlimited)
	server.Shutdown()
	bustest.Eventually(t, "keys can't be checked", func() bool {
		resp, _ := d.do("GET", "/v1/self", "")
		return resp.StatusCode == 503
	})
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/v1/jobs", ""}, {"GET", "/v1/jobs/abc", ""}, {"POST", "/v1/jobs", `{"source":"x"}`}, {"POST", "/v1/jobs/abc/pause", ""},
		{"GET", "/v1/artifacts", ""}, {"GET", "/v1/workers", ""}, {"DELETE", "/v1/jobs/abc", ""}, {"GET", "/v1/jobs/abc/events", ""},
	} {
		began := time.Now()
		resp, body := d.do(r.method, r.path, r.body)
		problem(t, resp, body, 503, coordinator.Unavailable)
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || s < 1 || s > 10 {
			t.Errorf("%s %s: got Retry-After %q", r.method, r.path, resp.Header.Get("Retry-After"))
		}
		if took := time.Since(began); took > bustest.Within(2*time.Second) {
			t.Errorf("%s %s: answered after %v", r.method, r.path, took)
		}
	}
}

// TestStoreJustAway takes the store away while requests wait for it: they are answered soon, and the
// client does not wait on.
func TestStoreJustAway(t *testing.T) {
	server := bustest.ServerTCP(t)
	d := newDeskOn(t, server, unlimited, func(c *daemon.CoordinatorConfig) { c.Projects[0].Conn = bustest.Dial(t, server.URL()) })
	server.Shutdown()
	began := time.Now()
	resp, body := d.do("POST", "/v1/jobs", `{"source":"recipe: x\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  out: {kind: printer, from: n}\n"}`)
	problem(t, resp, body, 503, coordinator.Unavailable)
	if took := time.Since(began); took > bustest.Within(4*time.Second) {
		t.Errorf("answered after %v", took)
	}
	for _, want := range []string{"the store", "NATS", `"hint"`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("got %s, want %q in it", body, want)
		}
	}
	if got := resp.Header.Get("Retry-After"); got != "10" {
		t.Errorf("got Retry-After %q, want that of a store that is away", got)
	}
}
