package live_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluice/coordinator"
	"sluice/coordinator/events/live"
	"sluice/internal/bus/bustest"
)

// TestW1Origin opens sockets from pages of many origins: only those that are on the list, byte
// by byte, may; with an empty list no page may, and commands still may.
func TestW1Origin(t *testing.T) {
	w := newWorld(t, func(c *live.Config) {
		c.Origins = []string{origin, "http://LOCALHOST:8420", "https://with.port:443/", "https://[::1]:8443"}
	})
	for given, want := range map[string]int{
		origin:                                      101,
		"http://localhost:8420":                     101,
		"https://with.port":                         101,
		"https://[::1]:8443":                        101,
		"http://ui.example.com":                     403,
		"wss://ui.example.com":                      403,
		"https://ui.example.com:8443":               403,
		"https://ui.example.com:443":                403,
		"https://ui.example.com.evil.net":           403,
		"https://evil-ui.example.com":               403,
		"https://x.ui.example.com":                  403,
		"https://example.com":                       403,
		"https://ui.example.com@evil.net":           403,
		"https://evil.net/https://ui.example.com":   403,
		"https://ui.example.com/":                   403,
		"https://UI.example.com":                    403,
		"https://ui.example.com.":                   403,
		"https://ui.example.com https://evil.net":   403,
		"http://localhost":                          403,
		"http://localhost:8421":                     403,
		"http://127.0.0.1:8420":                     403,
		"http://" + w.address:                       403, // the host that was asked is no exception
		"null":                                      403,
		"*":                                         403,
		"file://":                                   403,
		"https://xn--ui-example-com.evil.net":       403,
		"chrome-extension://abcdefghijklmnopqrstuv": 403,
	} {
		if got := w.try(w.ticket("ann"), given); got != want {
			t.Errorf("%q: got %d, want %d", given, got, want)
		}
	}
	for _, twice := range [][]string{{origin, origin}, {origin, "null"}, {""}} {
		h := header(w.ticket("ann"), "")
		h["Origin"] = twice
		if resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", h); resp.StatusCode != 403 {
			t.Errorf("%q: got %d, want 403", twice, resp.StatusCode)
		}
	}
	none := newWorld(t, func(c *live.Config) { c.Origins = nil })
	for _, given := range []string{origin, "http://" + none.address, "null"} {
		if got := none.try(none.ticket("ann"), given); got != 403 {
			t.Errorf("empty list, %q: got %d, want 403", given, got)
		}
	}
	if got := none.try(none.ticket("ann"), ""); got != 101 {
		t.Errorf("empty list, a command: got %d, want 101", got)
	}
	if none.redeemed != 1 {
		t.Errorf("%d tickets were taken, want that of the command alone", none.redeemed)
	}
}

// TestOriginList refuses a list that can't be meant.
func TestOriginList(t *testing.T) {
	d := &desk{}
	for _, bad := range []string{"*", "null", "ui.example.com", "https://*.example.com", "https://ui.example.com/path", "ftp://x", "https://", "https://u@x", "https://x?y"} {
		_, err := live.New(live.Config{Source: func(string) live.Source { return nil }, Tickets: d, Audit: d, PerAddress: limit(1), PerUser: limit(1), Messages: limit(1),
			Origins: []string{bad}})
		if err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := live.New(live.Config{Tickets: d, Audit: d}); err == nil {
		t.Error("settings without limits are accepted")
	}
}

// TestW2CrossSite comes with all that a browser sends by itself: a cookie, a password, or a
// token in the query open no socket, from the right page or another.
func TestW2CrossSite(t *testing.T) {
	w := newWorld(t, nil)
	good := w.ticket("ann")
	for _, c := range []struct {
		name, path, origin string
		add                http.Header
		want               int
	}{
		{"cookie, right page", "/v1/events", origin, http.Header{"Cookie": {"session=" + good + "; ticket=" + good}}, 401},
		{"cookie, no page", "/v1/events", "", http.Header{"Cookie": {"ticket=" + good}}, 401},
		{"cookie, other page", "/v1/events", "https://evil.net", http.Header{"Cookie": {"ticket=" + good}}, 403},
		{"password", "/v1/events", origin, http.Header{"Authorization": {"Basic YW5uOg=="}}, 401},
		{"bearer", "/v1/events", origin, http.Header{"Authorization": {"Bearer " + good}}, 401},
		{"query", "/v1/events?ticket=" + good + "&access_token=" + good, origin, nil, 401},
	} {
		h := header("", c.origin)
		for k, v := range c.add {
			h[k] = v
		}
		if resp, _ := w.raw(w.dial(), http.MethodGet, c.path, h); resp.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d", c.name, resp.StatusCode, c.want)
		}
	}
	h := header(good, "https://evil.net")
	h["Cookie"] = []string{"session=valid"}
	if resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", h); resp.StatusCode != 403 {
		t.Errorf("other page with cookie and ticket: got %d, want 403", resp.StatusCode)
	}
	if w.redeemed != 0 {
		t.Errorf("%d tickets were taken", w.redeemed)
	}
	if got := w.try(good, origin); got != 101 {
		t.Errorf("the ticket: got %d, want 101", got)
	}
}

// TestW3Authentication refuses before the upgrade whoever has no good ticket: no frame and no
// session come of it.
func TestW3Authentication(t *testing.T) {
	w := newWorld(t, nil)
	good := w.ticket("ann")
	for name, protocols := range map[string][]string{
		"none":           {"sluice.v1"},
		"no protocol":    nil,
		"empty":          {"sluice.v1, ticket."},
		"wrong":          {"sluice.v1, ticket.slt_wrong"},
		"half":           {"sluice.v1, ticket." + good[:len(good)/2]},
		"longer":         {"sluice.v1, ticket." + good + "x"},
		"in pieces":      {"sluice.v1, ticket." + good[:10] + ", ticket." + good[10:]},
		"twice":          {"sluice.v1, ticket." + good + ", ticket." + good},
		"other word":     {"sluice.v1, token." + good},
		"other case":     {"sluice.v1, TICKET." + good},
		"enormous":       {"sluice.v1, ticket." + strings.Repeat("x", 2000)},
		"two headers":    {"ticket.x", "ticket.y, sluice.v1"},
		"bare":           {good},
		"with a newline": {"sluice.v1, ticket." + good + "%0a"},
	} {
		h := header("", origin)
		h["Sec-WebSocket-Protocol"] = protocols
		resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", h)
		if resp.StatusCode != 401 {
			t.Errorf("%s: got %d, want 401", name, resp.StatusCode)
		}
	}
	for name, p := range map[string]coordinator.Principal{
		"no role":           {Name: "ann", Project: "a"},
		"no such role":      {Name: "ann", Project: "a", Role: "root"},
		"no such project":   {Name: "ann", Project: "c", Role: coordinator.Admin},
		"no project at all": {Name: "ann", Role: coordinator.Admin},
	} {
		if got := w.try(w.ticketOf(p), origin); got != 403 {
			t.Errorf("%s: got %d, want 403", name, got)
		}
	}
	for method, want := range map[string]int{"POST": 405, "HEAD": 405, "PUT": 405} {
		if resp, _ := w.raw(w.dial(), method, "/v1/events", header(good, origin)); resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", method, resp.StatusCode, want)
		}
	}
	plain := header(good, origin)
	delete(plain, "Upgrade")
	if resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", plain); resp.StatusCode != 426 {
		t.Errorf("no upgrade: got %d, want 426", resp.StatusCode)
	}
	other := header("", origin)
	other["Sec-WebSocket-Protocol"] = []string{"sluice.v2, ticket." + good}
	if resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", other); resp.StatusCode != 400 {
		t.Errorf("other protocol: got %d, want 400", resp.StatusCode)
	}
	resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", header(good, origin))
	if got := resp.Header.Get("Sec-WebSocket-Protocol"); resp.StatusCode != 101 || got != "sluice.v1" {
		t.Errorf("got %d with protocol %q, want 101 with sluice.v1 alone", resp.StatusCode, got)
	}
	if got := w.try(good, origin); got != 401 {
		t.Errorf("the same ticket again: got %d, want 401", got)
	}
	if n := w.handler.Sockets(); n > 1 {
		t.Errorf("%d sockets, want one", n)
	}
}

// TestW4TokenLife closes sockets when the principal expires or is revoked, and no others. What
// was given out before never opens another.
func TestW4TokenLife(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.try(w.ticketOf(coordinator.Principal{Name: "old", Project: "a", Role: coordinator.Viewer, Expires: time.Now().Add(-time.Second)}), origin); got != 401 {
		t.Errorf("expired before: got %d, want 401", got)
	}
	until := time.Now().Add(700 * time.Millisecond)
	short := w.connect(w.ticketOf(coordinator.Principal{Name: "short", Project: "a", Role: coordinator.Viewer, Expires: until}), nil)
	revoked, other := w.connect(w.ticket("bob"), nil), w.connect(w.ticket("ann"), nil)
	short.say(`{"type":"subscribe","id":"s"}`)
	if code, reason := short.closes(); code != 4001 || time.Now().Before(until) || time.Since(until) > bustest.Within(5*time.Second) {
		t.Errorf("expiry: got %d %q %v behind it", code, reason, time.Since(until))
	}
	bustest.Eventually(t, "the socket is watched", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.watches["bob"]) == 1 })
	w.revoke("bob")
	at := time.Now()
	if code, reason := revoked.closes(); code != 4001 || time.Since(at) > bustest.Within(5*time.Second) {
		t.Errorf("revoked: got %d %q after %v", code, reason, time.Since(at))
	}
	other.say(`{"type":"ping","id":"x"}`)
	if m := other.read(); m.Type != "pong" {
		t.Errorf("got %+v, want a pong", m)
	}
	bustest.Eventually(t, "both are gone", func() bool { return w.handler.Sockets() == 1 })
}

// TestW4DeafClient is revoked while it neither reads nor answers: it is cut off all the same.
func TestW4DeafClient(t *testing.T) {
	w := newWorld(t, nil)
	resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", header(w.ticket("bob"), ""))
	if resp.StatusCode != 101 {
		t.Fatal(resp.Status)
	}
	bustest.Eventually(t, "the socket is watched", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.watches["bob"]) == 1 })
	w.revoke("bob")
	at := time.Now()
	bustest.Eventually(t, "it is cut off", func() bool { return w.handler.Sockets() == 0 })
	if d := time.Since(at); d > bustest.Within(5*time.Second) {
		t.Errorf("it took %v", d)
	}
}

// TestW5RateLimits goes one over each limit: that one is refused, others are not affected.
func TestW5RateLimits(t *testing.T) {
	const n = 3
	t.Run("address", func(t *testing.T) {
		w := newWorld(t, func(c *live.Config) { c.PerAddress = limit(n) })
		for i := range n {
			if got := w.try("wrong", origin); got != 401 {
				t.Errorf("%d: got %d, want 401", i, got)
			}
		}
		h := header(w.ticket("ann"), origin)
		resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", h)
		if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "2" {
			t.Errorf("limit+1: got %d, retry after %q", resp.StatusCode, resp.Header.Get("Retry-After"))
		}
		if w.redeemed != n {
			t.Errorf("%d tickets were looked at, want %d", w.redeemed, n)
		}
		from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		conn, err := from.Dial("tcp", w.address)
		if err != nil {
			t.Skipf("no second address of the loopback interface: %v", err)
		}
		if resp, _ := w.raw(conn, http.MethodGet, "/v1/events", h); resp.StatusCode != 101 {
			t.Errorf("another address: got %d, want 101", resp.StatusCode)
		}
	})
	t.Run("user", func(t *testing.T) {
		w := newWorld(t, func(c *live.Config) { c.PerUser = limit(n) })
		for i := range n + 1 {
			if got, want := w.try(w.ticket("ann"), origin), map[bool]int{true: 101, false: 429}[i < n]; got != want {
				t.Errorf("%d: got %d, want %d", i, got, want)
			}
		}
		if got := w.try(w.ticket("bob"), origin); got != 101 {
			t.Errorf("another user: got %d, want 101", got)
		}
		if got := w.try(w.ticketOf(coordinator.Principal{Name: "ann", Project: "b", Role: coordinator.Viewer}), origin); got != 101 {
			t.Errorf("the same name in another project: got %d, want 101", got)
		}
	})
	t.Run("sockets", func(t *testing.T) {
		w := newWorld(t, func(c *live.Config) { c.MaxPerUser, c.MaxSockets = n, n+1 })
		for i := range n {
			w.connect(w.ticket("ann"), nil)
			if i == n-1 {
				if got := w.try(w.ticket("ann"), ""); got != 429 {
					t.Errorf("a user's limit+1: got %d, want 429", got)
				}
			}
		}
		bob := w.connect(w.ticket("bob"), nil)
		if got := w.try(w.ticket("eve"), ""); got != 503 {
			t.Errorf("limit+1 of all: got %d, want 503", got)
		}
		_ = bob.Close(websocket.StatusNormalClosure, "")
		bustest.Eventually(t, "a place is free", func() bool { return w.handler.Sockets() == n })
		w.connect(w.ticket("eve"), nil)
	})
	t.Run("messages", func(t *testing.T) {
		w := newWorld(t, func(c *live.Config) { c.Messages = limit(n) })
		ann, bob := w.connect(w.ticket("ann"), nil), w.connect(w.ticket("bob"), nil)
		for i := range n + 1 {
			ann.say(`{"type":"ping"}`)
			if m := ann.read(); (m.Type == "pong") != (i < n) || m.Type == "error" && (m.Code != "rate" || m.Retry != 1500) {
				t.Errorf("%d: got %+v", i, m)
			}
		}
		bob.say(`{"type":"ping"}`)
		if m := bob.read(); m.Type != "pong" {
			t.Errorf("another user: got %+v, want a pong", m)
		}
		for range 100 {
			ann.say(`{"type":"ping"}`)
		}
		if code, _ := ann.closes(); code != websocket.StatusPolicyViolation {
			t.Errorf("who goes on: got %d, want 1008", code)
		}
	})
}
