package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
)

// TestW2CookieAlone brings all that a browser sends by itself, to every route: a good key opens
// none of them from a cookie, a query, a password or another header, and no page is told that it
// may read an answer.
func TestW2CookieAlone(t *testing.T) {
	d := newDesk(t, unlimited)
	_, text := d.do("GET", "/v1/openapi.json", "")
	var doc description
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	good := d.keys[coordinator.Admin]
	fill := strings.NewReplacer("{id}", "nosuchjob", "{name}", "nosuchname", "{secret}", "nosuch", "{kind}", "md5_hash", "{prefix}", "nosuchkey", "{letter}", "nosuch", "{edge}", "e1")
	for _, o := range doc.operations() {
		for _, by := range [][]string{
			{"Cookie", "session=" + good + "; key=" + good + "; Authorization=Bearer " + good},
			{"Authorization", "Basic " + good}, {"Authorization", good}, {"Authorization", "Bearer"}, {"Authorization", "Bearer " + good[:len(good)/2]},
			{"X-Api-Key", good}, {"Proxy-Authorization", "Bearer " + good}, {"Sec-WebSocket-Protocol", "sluice.v1, ticket." + good},
		} {
			headers := append([]string{"Authorization", ""}, by...)
			resp, body := d.do(o.method, fill.Replace(o.path), "", append(headers, "Origin", "https://evil.example")...)
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Access-Control-Allow-Origin") != "" || len(resp.Cookies()) > 0 {
				t.Errorf("%s by %.20s: got %d %.200s", o.ID, by, resp.StatusCode, body)
			}
		}
		if resp, _ := d.do(o.method, fill.Replace(o.path)+"?key="+good+"&access_token="+good, "", "Authorization", ""); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s by the query: got %d", o.ID, resp.StatusCode)
		}
	}
}

// TestW5Requests asks as one user until it is too often: that one is refused, others are not, and
// an address that comes without a key is refused before any key is looked at.
func TestW5Requests(t *testing.T) {
	const rate = 20
	t.Run("user", func(t *testing.T) {
		d := newDesk(t, func(c *daemon.CoordinatorConfig) { c.PerAddress, c.PerUser = -1, rate })
		refused := 0
		for range 5000 {
			if resp, body := d.do("GET", "/v1/self", ""); resp.StatusCode == http.StatusTooManyRequests {
				problem(t, resp, body, 429, coordinator.OverLimit)
				if refused++; refused == 10 {
					break
				}
			}
		}
		if refused != 10 {
			t.Fatalf("%d requests were refused", refused)
		}
		for _, role := range []coordinator.Role{coordinator.Viewer, coordinator.Admin} {
			if resp, body := d.do("GET", "/v1/self", "", "Authorization", "Bearer "+d.keys[role]); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: got %d %s", role, resp.StatusCode, body)
			}
		}
	})
	t.Run("address", func(t *testing.T) {
		d := newDesk(t, func(c *daemon.CoordinatorConfig) { c.PerAddress, c.PerUser = rate, -1 })
		for range 5000 {
			resp, body := d.do("GET", "/v1/self", "", "Authorization", "Bearer slu_guess")
			if resp.StatusCode == http.StatusTooManyRequests {
				problem(t, resp, body, 429, coordinator.OverLimit)
				return
			}
			if resp.StatusCode != http.StatusUnauthorized {
				t.Fatalf("a guess: got %d", resp.StatusCode)
			}
		}
		t.Error("one may guess keys for ever")
	})
}

// TestW6Body sends a body of the limit and of a byte more, also without a length and packed.
func TestW6Body(t *testing.T) {
	const most = 64 << 10
	d := newDesk(t, unlimited, func(c *daemon.CoordinatorConfig) { c.MaxBody = most })
	sized := func(n int) string {
		const around = `{"source":"recipe: a"}`
		return around + strings.Repeat(" ", n-len(around))
	}
	if resp, body := d.do("POST", "/v1/recipes/check", sized(most)); resp.StatusCode != http.StatusOK {
		t.Errorf("the limit: got %d %.200s", resp.StatusCode, body)
	}
	resp, body := d.do("POST", "/v1/recipes/check", sized(most+1))
	problem(t, resp, body, 413, coordinator.TooLarge)
	req, err := http.NewRequestWithContext(bustest.Context(t), "POST", d.http.URL+"/v1/recipes/check", struct{ *strings.Reader }{strings.NewReader(sized(most + 1))})
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = -1
	req.Header.Set("Authorization", "Bearer "+d.keys[coordinator.Author])
	req.Header.Set("Content-Type", "application/json")
	if resp, err := http.DefaultTransport.RoundTrip(req); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("without a length: got %+v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write([]byte(sized(64 << 20)))
	_ = z.Close()
	if resp, body := d.do("POST", "/v1/recipes/check", bomb.String(), "Content-Encoding", "gzip"); resp.StatusCode < 400 || resp.StatusCode >= 500 {
		t.Errorf("%d bytes for 64 MiB: got %d %.200s", bomb.Len(), resp.StatusCode, body)
	}
}

// TestW10Refusals looks for each refusal of the API in the audit log: who, from where, of which
// page and why, and nothing of a token or of what was sent.
func TestW10Refusals(t *testing.T) {
	d := newDesk(t, withSecrets(t), func(c *daemon.CoordinatorConfig) { c.PerAddress, c.PerUser = -1, 20 })
	const origin, payload = "https://page.example", "PAYLOADpayload"
	guess := "slu_abcdefghijkl_" + strings.Repeat("Q7", 20)
	viewer := "Bearer " + d.keys[coordinator.Viewer]
	for _, r := range []struct {
		method, path, body, by, operation, who, outcome string
		status                                          int
	}{
		{"GET", "/v1/jobs", "", "", "list-jobs", "", "refused", 401},
		{"GET", "/v1/workers", "", "Bearer " + guess, "list-workers", "", "refused", 401},
		{"GET", "/v1/keys", "", viewer, "list-keys", "the viewer", "refused", 403},
		{"POST", "/v1/recipes-archive", payload, viewer, "import-recipes", "the viewer", "refused", 403},
		{"PUT", "/v1/secrets/token", `{"value":"` + payload + `"}`, viewer, "set-secret", "the viewer", "refused", 403},
		{"POST", "/v1/jobs", `{"source":"recipe: ` + payload + `"}`, viewer, "submit-job", "the viewer", "refused", 403},
		{"PUT", "/v1/secrets/token", `{"value":["` + payload + `"]}`, "Bearer " + d.keys[coordinator.Admin], "set-secret", "the admin", "failed", 422},
	} {
		resp, body := d.do(r.method, r.path, r.body, "Authorization", r.by, "Origin", origin)
		if resp.StatusCode != r.status {
			t.Errorf("%s: got %d %.200s, want %d", r.operation, resp.StatusCode, body, r.status)
		}
		id := resp.Header.Get("X-Request-Id")
		bustest.Eventually(t, "the refusal of "+r.operation+" is in the log", func() bool {
			for _, e := range d.audited() {
				if e.Request == id {
					if e.Operation != r.operation || e.Who != r.who || string(e.Outcome) != r.outcome || e.Origin != origin || !strings.HasPrefix(e.Address, "127.0.0.1") || e.Reason == "" && r.status != 403 {
						t.Errorf("%s: got %+v", r.operation, e)
					}
					return true
				}
			}
			return false
		})
	}
	for range 5000 {
		if resp, _ := d.do("GET", "/v1/self", ""); resp.StatusCode == http.StatusTooManyRequests {
			break
		}
	}
	bustest.Eventually(t, "who asks too often is in the log", func() bool {
		for _, e := range d.audited() {
			if e.Who == "the author" && e.Operation == "show-self" && e.Outcome == coordinator.Denied && strings.Contains(e.Reason, "too often") {
				return true
			}
		}
		return false
	})
	text, err := json.Marshal(d.audited())
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{payload, guess[20:], d.keys[coordinator.Viewer][20:]} {
		if strings.Contains(string(text), never) {
			t.Errorf("the log has %s", never)
		}
	}
}

// audited is the audit log, newest first.
func (d *desk) audited() []coordinator.AuditEntry {
	d.t.Helper()
	_, body := d.do("GET", "/v1/audit?limit=1000", "", "Authorization", "Bearer "+d.keys[coordinator.Admin])
	var page coordinator.AuditPage
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		d.t.Fatalf("%v in %.300s", err, body)
	}
	return page.Entries
}
