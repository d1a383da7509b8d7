package live_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluice/coordinator"
	"sluice/coordinator/events/live"
	"sluice/internal/bus/bustest"
)

// TestW7TLS refuses what can be read on its way: plain off loopback, unless the operator says
// so, and TLS older than 1.2.
func TestW7TLS(t *testing.T) {
	w := newWorld(t, nil)
	outside := outsideAddress(t)
	status := func(h http.Handler, address string) int {
		l, err := net.Listen("tcp", address+":0")
		if err != nil {
			t.Fatal(err)
		}
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
		s.Start()
		t.Cleanup(s.Close)
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		head := header(w.ticket("ann"), "")
		head["X-Forwarded-Proto"], head["Forwarded"] = []string{"https"}, []string{"proto=https;for=127.0.0.1"}
		resp, _ := w.raw(conn, http.MethodGet, "/v1/events", head)
		return resp.StatusCode
	}
	if got := status(w.handler, "127.0.0.1"); got != 101 {
		t.Errorf("plain on loopback: got %d, want 101", got)
	}
	if outside == "" {
		t.Log("this machine has no address but loopback's: plain off loopback is left out")
	} else {
		if got := status(w.handler, outside); got != 403 {
			t.Errorf("plain off loopback: got %d, want 403", got)
		}
		open := newWorld(t, func(c *live.Config) { c.AllowPlain = true; c.Tickets = w.desk })
		if got := status(open.handler, outside); got != 101 {
			t.Errorf("plain off loopback, allowed: got %d, want 101", got)
		}
	}
	if told := w.audited(); outside != "" && (len(told) != 1 || told[0].Status != 403 || told[0].Address != outside) {
		t.Errorf("told %+v, want the refusal", told)
	}
	s := httptest.NewUnstartedServer(w.handler)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10}
	s.StartTLS()
	t.Cleanup(s.Close)
	for version, want := range map[uint16]int{tls.VersionTLS10: 403, tls.VersionTLS11: 403, tls.VersionTLS12: 101, tls.VersionTLS13: 101} {
		conn, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		if resp, _ := w.raw(conn, http.MethodGet, "/", header(w.ticket("ann"), origin)); resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", tls.VersionName(version), resp.StatusCode, want)
		}
	}
}

// outsideAddress returns an address of this machine that is not loopback's, "" for none.
func outsideAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return ""
}

// TestW10Audit looks that every refusal is told, with user, address and origin, and that no
// ticket and nothing that a client sent is in what is told.
func TestW10Audit(t *testing.T) {
	w := newWorld(t, func(c *live.Config) { c.MaxPerUser, c.MaxMessage = 1, 1000 })
	told := func(what string, want live.Refusal) {
		t.Helper()
		var got []live.Refusal
		bustest.Eventually(t, what+" is told", func() bool { got = append(got, w.audited()...); return len(got) > 0 })
		r := got[0]
		if len(got) != 1 || r.Status != want.Status || r.User != want.User || r.Project != want.Project || r.Origin != want.Origin ||
			r.Address != "127.0.0.1" || r.Reason == "" || r.Count != 1 || time.Since(r.At) > time.Minute {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
		if text := fmt.Sprintf("%+v", got); strings.Contains(text, "slt_") || strings.Contains(text, "PAYLOAD") {
			t.Errorf("%s: %s quotes what must not be told", what, text)
		}
	}
	w.try(w.ticket("ann"), "https://evil.net")
	told("origin", live.Refusal{Status: 403, Origin: "https://evil.net"})
	w.try(w.ticket("ann"), "https://"+strings.Repeat("x", 1000))
	told("long origin", live.Refusal{Status: 403, Origin: "https://" + strings.Repeat("x", 248)})
	w.try("", origin)
	told("no ticket", live.Refusal{Status: 401, Origin: origin})
	w.try("slt_PAYLOAD", origin)
	told("wrong ticket", live.Refusal{Status: 401, Origin: origin})
	w.try(w.ticketOf(coordinator.Principal{Name: "ann", Project: "c", Role: coordinator.Viewer, Key: "slk_abc"}), "")
	told("no project", live.Refusal{Status: 403, User: "ann", Project: "c"})
	w.raw(w.dial(), http.MethodPost, "/v1/events", header("slt_PAYLOAD", ""))
	told("method", live.Refusal{Status: 405})
	ann := w.connect(w.ticket("ann"), &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
	w.try(w.ticket("ann"), "")
	told("sockets", live.Refusal{Status: 429, User: "ann", Project: "a"})
	inside := live.Refusal{User: "ann", Project: "a", Origin: origin}
	ann.say(`{"PAYLOAD":1}`)
	told("malformed", inside)
	for range 5 {
		ann.say(`{"PAYLOAD":1}`)
	}
	ann.say(`{"type":"PAYLOAD"}`)
	told("type", inside)
	ann.say(`{"type":"subscribe","id":"PAYLOAD","filter":{"job":"PAYLOAD.>"}}`)
	told("filter", inside)
	ann.say(strings.Repeat("PAYLOAD", 200))
	inside.Status = 1009
	told("size", inside)
	if code, _ := ann.closes(); code != websocket.StatusMessageTooBig {
		t.Errorf("got %d, want 1009", code)
	}
	var rest []live.Refusal
	bustest.Eventually(t, "the rest is told", func() bool { rest = append(rest, w.audited()...); return len(rest) > 0 })
	if rest[0].Count != 5 || rest[0].User != "ann" {
		t.Errorf("got %+v, want five more malformed ones", rest)
	}
	bob := w.connect(w.ticket("bob"), nil)
	bustest.Eventually(t, "the socket is watched", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.watches["bob"]) == 1 })
	w.revoke("bob")
	bob.closes()
	told("revoked", live.Refusal{Status: 4001, User: "bob", Project: "a"})
}
