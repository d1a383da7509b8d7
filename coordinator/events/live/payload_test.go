package live_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluice/coordinator/events/live"
	"sluice/internal/bus/bustest"
)

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
