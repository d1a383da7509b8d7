package live_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/coordinator/events/live"
	"sluice/internal/bus/bustest"
)

// texts reads n events of a subscription and returns their texts and the last id.
func (c *client) texts(id string, n int) (all []string, last uint64) {
	c.t.Helper()
	for len(all) < n {
		m := c.read()
		if m.Type != "event" || m.ID != id {
			c.t.Fatalf("got %+v, want an event of %s; behind %q", m, id, all)
		}
		all, last = append(all, m.Event.Text), m.Event.ID
	}
	return all, last
}

func (c *client) expect(typ, id string) message {
	c.t.Helper()
	m := c.read()
	if m.Type != typ || m.ID != id {
		c.t.Fatalf("got %+v, want %s of %q", m, typ, id)
	}
	return m
}

// settled waits until n events are stored.
func settled(t *testing.T, l *events.Log, n int) {
	t.Helper()
	s, err := l.Since(bustest.Context(t), coordinator.EventFilter{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n > 0 {
		entries, err := s.Next(bustest.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		n -= len(entries)
	}
}

// TestSubscribe walks through the protocol: what is stored, what comes, filters, going on from
// an id, the end of a subscription. It sees its own project alone.
func TestSubscribe(t *testing.T) {
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprintf("compress %v", compress), func(t *testing.T) {
			w := newWorld(t, func(c *live.Config) { c.Compress = compress; c.MaxSubscriptions = 3 })
			for i := range 5 {
				w.emit(w.a, "j1", fmt.Sprint("a", i))
				w.emit(w.b, "j1", fmt.Sprint("b", i))
			}
			settled(t, w.a, 5)
			settled(t, w.b, 5)
			c := w.connect(w.ticket("ann"), &websocket.DialOptions{CompressionMode: websocket.CompressionNoContextTakeover})
			c.say(`{"type":"subscribe","id":"all"}`)
			c.expect("subscribed", "all")
			got, last := c.texts("all", 5)
			if want := []string{"a0", "a1", "a2", "a3", "a4"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			w.emit(w.b, "j1", "b live")
			w.emit(w.a, "j2", "live")
			if got, _ := c.texts("all", 1); got[0] != "live" {
				t.Errorf("got %q", got)
			}
			for range 200 {
				w.emit(w.a, "j3", "perhaps")
			}
			c.texts("all", 1)
			c.say(`{"type":"unsubscribe","id":"all"}`)
			m := c.read()
			for m.Type == "event" {
				m = c.read()
			}
			if m.Type != "unsubscribed" || m.ID != "all" {
				t.Errorf("got %+v", m)
			}
			c.say(`{"type":"ping","id":"behind"}`)
			c.expect("pong", "behind")
			settled(t, w.a, 206)
			c.say(fmt.Sprintf(`{"type":"subscribe","id":"rest","since":%d,"filter":{"job":"j2"}}`, last-1))
			c.expect("subscribed", "rest")
			if got, _ := c.texts("rest", 1); !slices.Equal(got, []string{"live"}) {
				t.Errorf("since: got %q", got)
			}
			c.say(`{"type":"subscribe","id":"j1","last":2,"filter":{"job":"j1","types":["print"],"levels":["info"]}}`)
			c.expect("subscribed", "j1")
			if got, _ := c.texts("j1", 2); !slices.Equal(got, []string{"a3", "a4"}) {
				t.Errorf("last: got %q", got)
			}
			for text, code := range map[string]string{
				`{"type":"subscribe","id":"j1"}`:                         "conflict",
				`{"type":"subscribe"}`:                                   "invalid",
				`{"type":"subscribe","id":"x","since":1,"last":1}`:       "invalid",
				`{"type":"subscribe","id":"x","last":0}`:                 "invalid",
				`{"type":"subscribe","id":"x","filter":{"types":["x"]}}`: "invalid",
				`{"type":"subscribe","id":"x","filter":{"job":">"}}`:     "invalid",
				`{"type":"subscribe","id":"x","filter":{"project":"b"}}`: "malformed",
				`{"type":"subscribe","id":"x","project":"b"}`:            "malformed",
				`{"type":"subscribe","id":"x\"}{","since":1}`:            "malformed",
				`{"type":"unsubscribe","id":"none"}`:                     "unknown",
				`{"type":"publish","id":"x"}`:                            "unknown_type",
				"{\"type\":\"\xff\"}":                                    "malformed",
				`{}`:                                                     "unknown_type",
				`[]`:                                                     "malformed",
				`{"type":"ping"} {"type":"ping"}`:                        "malformed",
				strings.Repeat("[", 10_000):                              "malformed",
				`{"type":"ping","id":"` + strings.Repeat("x", 65) + `"}`: "malformed",
			} {
				c.say(text)
				if m := c.read(); m.Type != "error" || m.Code != code || m.Text == "" {
					t.Errorf("%.60s: got %+v, want %s", text, m, code)
				}
			}
			if err := c.Write(bustest.Context(t), websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
				t.Fatal(err)
			}
			if m := c.read(); m.Code != "malformed" {
				t.Errorf("binary: got %+v", m)
			}
			c.say(`{"type":"subscribe","id":"third","filter":{"job":"none"}}`)
			c.expect("subscribed", "third")
			c.say(`{"type":"subscribe","id":"fourth"}`)
			if m := c.expect("error", "fourth"); m.Code != "over_limit" {
				t.Errorf("got %+v", m)
			}
		})
	}
}

// TestN7Browser opens a page behind the event: it still sees the last ones, as many as it says.
func TestN7Browser(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 300 {
		w.emit(w.a, "j", fmt.Sprint(i))
	}
	settled(t, w.a, 300)
	c := w.connect(w.ticket("ann"), &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
	c.say(`{"type":"subscribe","id":"d"}`)
	c.expect("subscribed", "d")
	if got, _ := c.texts("d", 100); got[0] != "200" || got[99] != "299" {
		t.Errorf("got %s to %s, want 200 to 299", got[0], got[99])
	}
}

// TestW9Liveness leaves a dead client to the pings: it is reaped; one that lives is not.
func TestW9Liveness(t *testing.T) {
	w := newWorld(t, func(c *live.Config) { c.PingEvery, c.PongWait = 50*time.Millisecond, 200*time.Millisecond })
	c := w.connect(w.ticket("ann"), nil)
	c.say(`{"type":"subscribe","id":"s"}`)
	c.expect("subscribed", "s")
	alive, ctx := make(chan []byte, 1), bustest.Context(t)
	go func() { _, data, _ := c.Read(ctx); alive <- data }() // reads, and so answers pings
	conn := w.dial()
	if resp, _ := w.raw(conn, http.MethodGet, "/v1/events", header(w.ticket("dead"), "")); resp.StatusCode != 101 {
		t.Fatal(resp.Status)
	}
	bustest.Eventually(t, "the dead one has a place", func() bool { return w.handler.Sockets() == 2 })
	bustest.Eventually(t, "the dead one is reaped", func() bool { return w.handler.Sockets() == 1 })
	w.emit(w.a, "j", "still here")
	if data := bustest.Wait(t, "the living one", alive); !strings.Contains(string(data), "still here") {
		t.Errorf("got %q", data)
	}
}

// TestW9SlowReader takes too little of what comes: it is dropped with 1013 and the id that it
// goes on from, and misses nothing. Others see all meanwhile.
func TestW9SlowReader(t *testing.T) {
	w := newWorld(t, func(c *live.Config) { c.WriteWait = bustest.Timeout }) // as long as the fast one needs
	slow, fast := w.connect(w.ticket("slow"), nil), w.connect(w.ticket("fast"), nil)
	for _, c := range []*client{slow, fast} {
		c.say(`{"type":"subscribe","id":"s","since":0}`)
		c.expect("subscribed", "s")
	}
	const n = 3000
	pad := strings.Repeat("x", 8<<10)
	for i := range n {
		w.emit(w.a, "j", fmt.Sprint(i, " ", pad))
		if got, _ := fast.texts("s", 1); got[0] != fmt.Sprint(i, " ", pad) {
			t.Fatalf("the fast one got %.20q, want %d", got, i)
		}
	}
	var last, since uint64
	seen := 0
	for since == 0 {
		switch m := slow.read(); m.Type {
		case "event":
			if m.Event.ID <= last {
				t.Fatalf("id %d behind %d", m.Event.ID, last)
			}
			last = m.Event.ID
			seen++
		case "dropped":
			since = *m.Since
		default:
			t.Fatalf("got %+v", m)
		}
	}
	if code, reason := slow.closes(); code != websocket.StatusTryAgainLater || !strings.HasSuffix(reason, fmt.Sprint("since ", since)) || since != last {
		t.Errorf("got %d %q, since %d behind %d; want 1013", code, reason, since, last)
	}
	again := w.connect(w.ticket("slow"), nil)
	again.say(fmt.Sprintf(`{"type":"subscribe","id":"s","since":%d}`, since))
	again.expect("subscribed", "s")
	got, _ := again.texts("s", n-seen)
	if !strings.HasPrefix(got[0], fmt.Sprint(seen, " ")) || !strings.HasPrefix(got[len(got)-1], fmt.Sprint(n-1, " ")) {
		t.Errorf("went on with %.10q to %.10q behind %d", got[0], got[len(got)-1], seen)
	}
	t.Logf("dropped behind %d of %d", seen, n)
}

// TestW9DeafReader takes nothing at all: it is cut off, and goes on from what it has seen.
func TestW9DeafReader(t *testing.T) {
	w := newWorld(t, func(c *live.Config) { c.WriteWait = 200 * time.Millisecond })
	c := w.connect(w.ticket("deaf"), nil)
	c.say(`{"type":"subscribe","id":"s","since":0}`)
	c.expect("subscribed", "s")
	pad := strings.Repeat("x", 15<<10)
	for i := range 2000 {
		w.emit(w.a, "j", fmt.Sprint(i, pad))
	}
	bustest.Eventually(t, "it is cut off", func() bool { return w.handler.Sockets() == 0 })
}

// TestClose says goodbye to all.
func TestClose(t *testing.T) {
	w := newWorld(t, nil)
	c := w.connect(w.ticket("ann"), nil)
	resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", header(w.ticket("deaf"), ""))
	if resp.StatusCode != 101 {
		t.Fatal(resp.Status)
	}
	done := make(chan error, 1)
	go func() { done <- w.handler.Close(bustest.Context(t)) }()
	if code, _ := c.closes(); code != websocket.StatusGoingAway {
		t.Errorf("got %d, want 1001", code)
	}
	if err := bustest.Wait(t, "the end", done); err != nil || w.handler.Sockets() != 0 {
		t.Errorf("got %v, %d sockets left", err, w.handler.Sockets())
	}
	if got := w.try(w.ticket("ann"), ""); got != 503 {
		t.Errorf("behind the end: got %d, want 503", got)
	}
}
