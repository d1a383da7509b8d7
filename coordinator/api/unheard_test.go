package api_test

import (
	"net/http"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/audit"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
)

// wake are the headers that open a socket of a page.
func wake(origin string) []string {
	return []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Origin", origin}
}

// TestW10Address attacks from one address until it is told to wait: that it was stands in the
// audit log, with the page that it came from, for requests and for sockets.
func TestW10Address(t *testing.T) {
	d := newDesk(t, func(c *daemon.CoordinatorConfig) { c.PerAddress, c.PerUser = 20, -1 })
	const origin = "https://evil.example"
	for n := 0; ; n++ {
		resp, _ := d.do("GET", "/v1/self", "", "Authorization", "Bearer slu_guess", "Origin", origin)
		if resp.StatusCode == http.StatusTooManyRequests {
			break
		}
		if n > 5000 {
			t.Fatal("the address is not told to wait")
		}
	}
	refused := 0
	for range 20 {
		if resp, _ := d.do("GET", "/v1/events", "", wake(origin)...); resp.StatusCode == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("no socket was told to wait")
	}
	for _, operation := range []string{"any", "open-events"} {
		bustest.Eventually(t, "that the address asked too often is in the log as "+operation, func() bool {
			for _, e := range d.audited() {
				if e.Operation == operation && e.Outcome == coordinator.Denied && e.Origin == origin && strings.HasPrefix(e.Address, "127.0.0.1") && e.Request != "" && strings.Contains(e.Reason, "too often") {
					return true
				}
			}
			return false
		})
	}
	if n := len(d.audited()); n > 20 {
		t.Errorf("thousands of requests have %d entries: they are not summed up", n)
	}
}

// TestViewerPushesNobodyOut has a viewer ask for what there is not and what a viewer may not, as
// often as it is let: it leaves a bounded number of entries, and none for what was only looked for.
func TestViewerPushesNobodyOut(t *testing.T) {
	d := newDesk(t, unlimited)
	key := []string{"Authorization", "Bearer " + d.keys[coordinator.Viewer]}
	const each = 700
	for range each {
		for _, r := range []struct {
			method, path, body string
			status             int
		}{
			{"GET", "/v1/jobs/nosuchjob", "", 404}, {"GET", "/v1/keys", "", 403}, {"DELETE", "/v1/jobs/nosuchjob", "", 403}, {"GET", "/v1/jobs?limit=0", "", 422},
			{"POST", "/v1/recipes/check", `{"source":"x"}`, 200}, {"POST", "/v1/tickets", "", 201},
		} {
			if resp, body := d.do(r.method, r.path, r.body, key...); resp.StatusCode != r.status {
				t.Fatalf("%s %s: got %d %s, want %d", r.method, r.path, resp.StatusCode, body, r.status)
			}
		}
	}
	job := d.wide(1) // whose entry is behind those
	count := map[string]int{}
	bustest.Eventually(t, "the last is in the log", func() bool {
		clear(count)
		for _, e := range d.audited() {
			count[e.Operation]++
			if e.Object == string(job) {
				count["the last"]++
			}
		}
		return count["the last"] == 1
	})
	if count["show-job"] > 0 || count["check-recipe"] > 0 {
		t.Errorf("got %v: what is only looked at has entries", count)
	}
	for _, operation := range []string{"list-keys", "delete-job", "list-jobs", "create-ticket"} {
		if count[operation] == 0 {
			t.Errorf("got %v: nothing of %s", count, operation)
		}
	}
	log, err := d.conn.StreamState(bustest.Context(t), audit.Stream)
	if err != nil || log.Msgs > each {
		t.Errorf("got %d entries, %v, of %d requests: %v", log.Msgs, err, 6*each, count)
	}
}
