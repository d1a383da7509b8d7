package live_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
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
			c.say(`{"type":"unsubscribe","id":"all"}`)
			c.expect("unsubscribed", "all")
			c.say(fmt.Sprintf(`{"type":"subscribe","id":"rest","since":%d}`, last-1))
			c.expect("subscribed", "rest")
			if got, _ := c.texts("rest", 2); !slices.Equal(got, []string{"a4", "live"}) {
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

// frameOf is a masked frame of a client, as it is on the wire.
func frameOf(head byte, payload []byte) []byte {
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0) // a mask that changes nothing
	return append(b, payload...)
}

// codeOnWire reads the server's frames up to its close frame, and returns the code.
func codeOnWire(t *testing.T, in interface{ Read([]byte) (int, error) }) int {
	t.Helper()
	read := func(n int) []byte {
		b := make([]byte, n)
		for at := 0; at < n; {
			k, err := in.Read(b[at:])
			if err != nil {
				return nil
			}
			at += k
		}
		return b
	}
	for {
		head := read(2)
		if head == nil {
			return -1
		}
		n := int(head[1])
		if n == 126 {
			n = int(binary.BigEndian.Uint16(read(2)))
		}
		payload := read(n)
		if head[0] == 0x88 && len(payload) >= 2 {
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

// TestW6Payload sends a message of the limit, which is taken, and one byte more, which closes
// 1009: in one frame, in many, compressed, and as a bomb.
func TestW6Payload(t *testing.T) {
	const most = 5000
	w := newWorld(t, func(c *live.Config) { c.MaxMessage, c.Compress = most, true })
	sized := func(n int) []byte { return []byte(`{"type":"ping"}` + strings.Repeat(" ", n-15)) }
	for _, mode := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover} {
		c := w.connect(w.ticket("ann"), &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
		c.say(string(sized(most)))
		if m := c.read(); m.Type != "pong" {
			t.Errorf("mode %d, limit: got %+v", mode, m)
		}
		c.say(string(sized(most + 1)))
		if code, reason := c.closes(); code != websocket.StatusMessageTooBig {
			t.Errorf("mode %d, limit+1: got %d %q, want 1009", mode, code, reason)
		}
	}
	squeeze := func(b []byte) []byte {
		var out bytes.Buffer
		f, _ := flate.NewWriter(&out, flate.BestCompression)
		_, _ = f.Write(b)
		_ = f.Flush()
		return bytes.TrimSuffix(out.Bytes(), []byte{0, 0, 0xff, 0xff})
	}
	bomb := squeeze(sized(64 << 20))
	t.Logf("the bomb: %d bytes for 64 MiB", len(bomb))
	var pieces []byte
	for i, at := 0, sized(most+1); i < len(at); i += 100 {
		head := byte(0)
		if i == 0 {
			head = 1
		}
		pieces = append(pieces, frameOf(head, at[i:min(i+100, len(at))])...)
	}
	for name, frames := range map[string][]byte{
		"pieces":             pieces,
		"bomb":               frameOf(0xC1, bomb),
		"bomb in two pieces": append(frameOf(0x41, bomb[:100]), frameOf(0x80, bomb[100:])...),
		"a length of 2^62":   {0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{'},
	} {
		conn := w.dial()
		h := header(w.ticket("ann"), "")
		h["Sec-WebSocket-Extensions"] = []string{"permessage-deflate; client_no_context_takeover; server_no_context_takeover"}
		resp, in := w.raw(conn, http.MethodGet, "/v1/events", h)
		if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Extensions") == "" {
			t.Fatal(resp)
		}
		go func() { _, _ = conn.Write(frames); _, _ = conn.Write(make([]byte, most)) }() // ends with the connection
		if got := codeOnWire(t, in); got != 1009 {
			t.Errorf("%s: got %d, want 1009", name, got)
		}
	}
	bustest.Eventually(t, "all are gone", func() bool { return w.handler.Sockets() == 0 })
	off := newWorld(t, nil)
	conn := off.dial()
	h := header(off.ticket("ann"), "")
	h["Sec-WebSocket-Extensions"] = []string{"permessage-deflate"}
	resp, in := off.raw(conn, http.MethodGet, "/v1/events", h)
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("compression is off, and the server agreed to %q", got)
	}
	if _, err := conn.Write(frameOf(0xC1, bomb)); err != nil && err != net.ErrClosed {
		t.Log(err)
	}
	if got := codeOnWire(t, in); got != 1002 && got != -1 {
		t.Errorf("compressed where it is off: got %d, want 1002", got)
	}
}

// TestW6StalledMessage begins a message and never ends it, and declares more than it sends.
func TestW6StalledMessage(t *testing.T) {
	w := newWorld(t, func(c *live.Config) { c.ReadWait, c.MaxMessage = 100*time.Millisecond, 100 })
	for name, start := range map[string][]byte{
		"half a payload":  frameOf(0x81, []byte(`{"type":"ping"}`))[:12],
		"no last piece":   frameOf(0x01, []byte(`{"type":`)),
		"too long by far": append([]byte{0x81, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte(" "), 200)...),
	} {
		conn := w.dial()
		if resp, _ := w.raw(conn, http.MethodGet, "/v1/events", header(w.ticket("ann"), "")); resp.StatusCode != 101 {
			t.Fatal(resp.Status)
		}
		if _, err := conn.Write(start); err != nil {
			t.Fatal(err)
		}
		bustest.Eventually(t, name+" is cut off", func() bool { return w.handler.Sockets() == 0 })
	}
}

// TestW8Input sends 100,000 fuzzed messages and tens of thousands of fuzzed frames: each message
// has its answer, nothing panics, and the server serves on.
func TestW8Input(t *testing.T) {
	w := newWorld(t, nil)
	w.emit(w.a, "j", "x")
	seeds := []string{`{"type":"subscribe","id":"s","filter":{"job":"j","types":["state","print"],"levels":["info"]},"since":12}`,
		`{"type":"unsubscribe","id":"s"}`, `{"type":"ping","id":"p"}`, `{"type":"subscribe","id":"t","last":3}`, `{"type":"\u0000","id":null}`, "\xff\xfe{}", ``}
	rng := rand.New(rand.NewPCG(1, 2))
	mutate := func(s string) []byte {
		b := []byte(s)
		for range rng.IntN(4) {
			switch at := rng.IntN(len(b) + 1); rng.IntN(3) {
			case 0:
				b = slices.Insert(b, at, byte(rng.Uint32()))
			case 1:
				b = b[:at]
			default:
				if at < len(b) {
					b[at] = byte(rng.Uint32())
				}
			}
		}
		return b
	}
	const sockets, each = 4, 25_000
	answers := map[string]int{}
	for k := range sockets {
		c := w.connect(w.ticket("ann"), nil)
		messages := make([][]byte, each)
		for i := range messages {
			messages[i] = mutate(seeds[i%len(seeds)])
		}
		wrote, ctx := make(chan error, 1), c.ctx
		go func() { // ends with the connection
			for i := range each {
				typ := websocket.MessageText
				if i%50 == 0 {
					typ = websocket.MessageBinary
				}
				if err := c.Write(ctx, typ, messages[i]); err != nil {
					wrote <- err
					return
				}
			}
			wrote <- c.Write(ctx, websocket.MessageText, []byte(`{"type":"ping","id":"last`+fmt.Sprint(k)+`"}`))
		}()
		n := 0
		for {
			m := c.read()
			if m.Type == "event" {
				continue
			}
			if m.Type == "pong" && strings.HasPrefix(m.ID, "last") {
				break
			}
			n++
			answers[m.Type+" "+m.Code]++
		}
		if err := bustest.Wait(t, "the writer", wrote); err != nil || n != each {
			t.Fatalf("got %d answers to %d messages, %v", n, each, err)
		}
		_ = c.CloseNow()
	}
	t.Logf("answers: %v", answers)
	for _, code := range []string{"error malformed", "error unknown_type", "error invalid", "pong ", "subscribed "} {
		if answers[code] == 0 {
			t.Errorf("no message was answered by %q", code)
		}
	}
	for range 300 {
		conn := w.dial()
		if resp, _ := w.raw(conn, http.MethodGet, "/v1/events", header(w.ticket("ann"), "")); resp.StatusCode != 101 {
			t.Fatal(resp.Status)
		}
		var wire []byte
		for range 100 {
			f := frameOf(byte(rng.Uint32()), mutate(seeds[rng.IntN(len(seeds))]))
			if rng.IntN(3) == 0 {
				f[rng.IntN(len(f))] = byte(rng.Uint32())
			}
			wire = append(wire, f...)
		}
		_, _ = conn.Write(wire) // the server may have closed it before
		conn.Close()
	}
	bustest.Eventually(t, "all are gone", func() bool { return w.handler.Sockets() == 0 })
	c := w.connect(w.ticket("ann"), nil)
	c.say(`{"type":"ping","id":"x"}`)
	c.expect("pong", "x")
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
	w := newWorld(t, nil)
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

// FuzzMessage sends a message to a real server: it has one answer.
func FuzzMessage(f *testing.F) {
	f.Add(`{"type":"ping","id":"x"}`, true)
	f.Add(`{"type":"subscribe","id":"s","filter":{"job":"j"},"last":2}`, true)
	f.Add("\xff", false)
	f.Fuzz(func(t *testing.T, text string, isText bool) {
		if len(text) > live.DefaultMaxMessage {
			t.Skip()
		}
		w := newWorld(t, nil)
		c := w.connect(w.ticket("ann"), nil)
		typ := websocket.MessageBinary
		if isText {
			typ = websocket.MessageText
		}
		if err := c.Write(bustest.Context(t), typ, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if m := c.read(); !slices.Contains([]string{"pong", "error", "subscribed", "unsubscribed"}, m.Type) {
			t.Errorf("got %+v", m)
		}
	})
}
