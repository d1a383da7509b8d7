package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/coordinator/events/live"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

func TestMain(m *testing.M) { bustest.Main(m) }

const origin = "https://ui.example.com"

// counter is a limit without a clock: so many of each, and no more.
type counter struct {
	max  int
	mu   sync.Mutex
	used map[string]int
}

func limit(n int) *counter { return &counter{max: n, used: map[string]int{}} }

// Allow implements live.Limit.
func (c *counter) Allow(who string) (bool, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used[who]++
	return c.used[who] <= c.max, 1500 * time.Millisecond
}

// desk hands out tickets, and keeps the audit.
type desk struct {
	mu       sync.Mutex
	tickets  map[string]coordinator.Principal
	watches  map[string][]chan struct{}
	refusals []live.Refusal
	redeemed int
	serial   int
}

// Redeem implements live.Tickets.
func (d *desk) Redeem(_ context.Context, ticket string) (coordinator.Principal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.redeemed++
	p, ok := d.tickets[ticket]
	delete(d.tickets, ticket)
	if !ok {
		return p, coordinator.Faultf(coordinator.Unnamed, "the ticket %s is not good", ticket)
	}
	return p, nil
}

// Watch implements live.Tickets.
func (d *desk) Watch(p coordinator.Principal) (<-chan struct{}, func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := make(chan struct{})
	d.watches[p.Name] = append(d.watches[p.Name], c)
	return c, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.watches[p.Name] = slices.DeleteFunc(d.watches[p.Name], func(o chan struct{}) bool { return o == c })
	}
}

func (d *desk) revoke(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.watches[name] {
		close(c)
	}
	d.watches[name] = nil
}

// Refused implements live.Audit.
func (d *desk) Refused(r live.Refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusals = append(d.refusals, r)
}

// audited returns what was told since the last call.
func (d *desk) audited() []live.Refusal {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.refusals
	d.refusals = nil
	return all
}

// world is a listening server with two projects.
type world struct {
	*desk
	t       testing.TB
	a, b    *events.Log
	handler *live.Handler
	server  *httptest.Server
	address string // HOST:PORT
}

// newWorld starts a server on the loopback interface; change may be nil.
func newWorld(t testing.TB, change func(*live.Config)) *world {
	t.Helper()
	w := &world{desk: &desk{tickets: map[string]coordinator.Principal{}, watches: map[string][]chan struct{}{}}, t: t}
	w.a, w.b = openLog(t), openLog(t)
	c := live.Config{Tickets: w.desk, Audit: w.desk, PerAddress: limit(1e9), PerUser: limit(1e9), Messages: limit(1e9), Origins: []string{origin},
		Source: func(project string) live.Source {
			if log := map[string]*events.Log{"a": w.a, "b": w.b}[project]; log != nil {
				return log
			}
			return nil
		}}
	if change != nil {
		change(&c)
	}
	h, err := live.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.handler = h
	mux := http.NewServeMux()
	mux.Handle("/v1/events", h)
	w.server = httptest.NewServer(mux)
	w.address = w.server.Listener.Addr().String()
	t.Cleanup(func() {
		if err := h.Close(bustest.Context(t)); err != nil {
			t.Errorf("close: %v; %d sockets are left", err, h.Sockets())
		}
		w.server.Close()
	})
	return w
}

func openLog(t testing.TB) *events.Log {
	t.Helper()
	l, err := events.Open(bustest.Context(t), events.Config{Conn: bustest.Conn(t, bustest.InProcess), Queue: 10_000, PerSubject: 5000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// with is the world as another test sees it.
func (w *world) with(t testing.TB) *world {
	o := *w
	o.t = t
	return &o
}

// ticket makes a ticket of a user of project a.
func (w *world) ticket(name string) string {
	return w.ticketOf(coordinator.Principal{Name: name, Project: "a", Role: coordinator.Viewer})
}

func (w *world) ticketOf(p coordinator.Principal) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
	t := fmt.Sprintf("slt_%032d.YQ", w.serial)
	w.tickets[t] = p
	return t
}

// header returns the headers of an upgrade with a ticket; "" for none.
func header(ticket, origin string) http.Header {
	h := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-WebSocket-Version": {"13"},
		"Sec-WebSocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-WebSocket-Protocol": {"sluice.v1"}}
	if ticket != "" {
		h["Sec-WebSocket-Protocol"] = []string{"sluice.v1, ticket." + ticket}
	}
	if origin != "" {
		h["Origin"] = []string{origin}
	}
	return h
}

// raw sends a request byte by byte, and returns the answer and the connection. Of a refusal it
// makes sure that nothing comes behind the answer.
func (w *world) raw(conn net.Conn, method, path string, h http.Header) (*http.Response, *bufio.Reader) {
	w.t.Helper()
	w.t.Cleanup(func() { conn.Close() })
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, w.address)
	for k, vs := range h {
		for _, v := range vs {
			fmt.Fprintf(&b, "%s: %s\r\n", k, v)
		}
	}
	b.WriteString("\r\n")
	_ = conn.SetDeadline(time.Now().Add(bustest.Timeout))
	if _, err := io.WriteString(conn, b.String()); err != nil {
		w.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(resp.Body)
		if err != nil || method != http.MethodHead && !json.Valid(body) {
			w.t.Errorf("%d: got %q, %v, want JSON", resp.StatusCode, body, err)
		}
		if resp.StatusCode != http.StatusUpgradeRequired {
			if rest, _ := io.ReadAll(in); len(rest) > 0 {
				w.t.Errorf("%d: %q comes behind the refusal", resp.StatusCode, rest)
			}
		}
		if got := resp.Header.Values("Set-Cookie"); len(got) > 0 {
			w.t.Errorf("%d: got a session: %q", resp.StatusCode, got)
		}
	}
	return resp, in
}

func (w *world) dial() net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}

// try upgrades and returns the status.
func (w *world) try(ticket, origin string) int {
	w.t.Helper()
	resp, _ := w.raw(w.dial(), http.MethodGet, "/v1/events", header(ticket, origin))
	return resp.StatusCode
}

// message is what a client reads.
type message struct {
	Type  string            `json:"type"`
	ID    string            `json:"id"`
	Code  string            `json:"code"`
	Text  string            `json:"text"`
	Since *uint64           `json:"since"`
	Retry int64             `json:"retry_ms"`
	User  string            `json:"user"`
	Event coordinator.Event `json:"event"`
}

// client is a real client.
type client struct {
	*websocket.Conn
	t   testing.TB
	ctx context.Context
}

// connect opens a socket as a command does, without an origin, and reads the hello.
func (w *world) connect(ticket string, o *websocket.DialOptions) *client {
	w.t.Helper()
	c, resp, err := w.open("ws://"+w.address+"/v1/events", ticket, o)
	if err != nil {
		w.t.Fatalf("%v (%v)", err, resp)
	}
	if c.Subprotocol() != "sluice.v1" {
		w.t.Errorf("the server chose %q", c.Subprotocol())
	}
	if m := c.read(); m.Type != "hello" {
		w.t.Fatalf("got %+v, want hello", m)
	}
	return c
}

func (w *world) open(url, ticket string, o *websocket.DialOptions) (*client, *http.Response, error) {
	if o == nil {
		o = &websocket.DialOptions{}
	}
	o.Subprotocols = []string{"sluice.v1", "ticket." + ticket}
	c, resp, err := websocket.Dial(bustest.Context(w.t), url, o)
	if err != nil {
		return nil, resp, err
	}
	c.SetReadLimit(4 << 20)
	w.t.Cleanup(func() { _ = c.CloseNow() })
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute) // of all that the client does
	w.t.Cleanup(cancel)
	return &client{c, w.t, ctx}, resp, nil
}

func (c *client) read() (m message) {
	c.t.Helper()
	_, data, err := c.Read(c.ctx)
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		c.t.Fatalf("%q: %v", data, err)
	}
	return m
}

func (c *client) say(text string) {
	c.t.Helper()
	if err := c.Write(c.ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// closes reads until the end, and returns the code and its reason.
func (c *client) closes() (websocket.StatusCode, string) {
	c.t.Helper()
	ctx := bustest.Context(c.t)
	for {
		if _, _, err := c.Read(ctx); err != nil {
			var ce websocket.CloseError
			if s := websocket.CloseStatus(err); s >= 0 {
				errors.As(err, &ce)
				return s, ce.Reason
			}
			return -1, err.Error()
		}
	}
}

func (w *world) emit(l *events.Log, job, text string) {
	l.Emit(coordinator.Event{Job: recipe.JobID(job), Type: coordinator.EventPrint, Level: coordinator.LevelInfo, Text: text})
}
