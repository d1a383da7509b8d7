package live_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"sluice/coordinator/events/live"
	"sluice/internal/bus/bustest"
)

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

// FuzzMessage sends a message to a real server: it has one answer.
func FuzzMessage(f *testing.F) {
	f.Add(`{"type":"ping","id":"x"}`, true)
	f.Add(`{"type":"subscribe","id":"s","filter":{"job":"j"},"last":2}`, true)
	f.Add("\xff", false)
	shared := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, text string, isText bool) {
		if len(text) > live.DefaultMaxMessage {
			t.Skip()
		}
		w := shared.with(t)
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
