package api_test

import (
	"strconv"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
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
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s %s: answered after %v", r.method, r.path, took)
		}
	}
}
