package live

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
)

// Handler opens the sockets. It is an http.Handler.
type Handler struct {
	cfg     Config
	log     hclog.Logger
	origins origins

	mu       sync.Mutex
	seats    int // taken; guarded by mu, as all below
	users    map[string]int
	sessions map[*session]bool
	closed   bool
	empty    *sync.Cond // of mu: somebody has left
}

// New returns a handler, or says what is missing or wrong in its settings.
func New(c Config) (*Handler, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.fill()
	o, err := newOrigins(c.Origins)
	if err != nil {
		return nil, err
	}
	if c.AllowPlain {
		c.Log.Warn("live events are told without TLS also off loopback: tickets and events can be read on their way")
	}
	h := &Handler{cfg: c, log: c.Log, origins: o, users: map[string]int{}, sessions: map[*session]bool{}}
	h.empty = sync.NewCond(&h.mu)
	return h, nil
}

// seat is a socket's place among those that are allowed.
type seat struct {
	h      *Handler
	p      coordinator.Principal // of nobody before sit
	source Source
	user   string // "" before sit
}

// enter takes a place, for a client that is not known yet.
func (h *Handler) enter() (*seat, *refusal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.seats >= h.cfg.MaxSockets {
		return nil, &refusal{status: http.StatusServiceUnavailable, reason: "all sockets are taken", after: time.Second}
	}
	h.seats++
	return &seat{h: h}, nil
}

// sit takes a place among those of a user.
func (h *Handler) sit(s *seat, p coordinator.Principal) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	user := userOf(&p)
	if h.users[user] >= h.cfg.MaxPerUser {
		return false
	}
	h.users[user]++
	s.p, s.user = p, user
	return true
}

func (s *seat) leave() {
	h := s.h
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seats--
	if s.user != "" {
		if h.users[s.user]--; h.users[s.user] == 0 {
			delete(h.users, s.user)
		}
	}
	h.empty.Broadcast()
}

// Sockets returns how many sockets are open, or being opened.
func (h *Handler) Sockets() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seats
}

// ServeHTTP implements http.Handler. It returns when the socket is closed.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seat, no := h.admit(r)
	if no != nil {
		h.refuse(w, r, no)
		return
	}
	defer seat.leave()
	s := newSession(h, seat, r)
	hands := &hijacked{ResponseWriter: w}
	mode := websocket.CompressionDisabled
	if h.cfg.Compress {
		mode = websocket.CompressionNoContextTakeover
	}
	c, err := websocket.Accept(hands, r, &websocket.AcceptOptions{Subprotocols: []string{Protocol}, InsecureSkipVerify: true, // it is verified above
		CompressionMode: mode, OnPingReceived: func(context.Context, []byte) bool { return s.mayPing() }})
	if err != nil { // it has answered
		s.end()
		h.audit(r, &refusal{status: http.StatusBadRequest, reason: "the request is no WebSocket's", who: seat.p})
		return
	}
	s.conn, s.cut = c, func() { hands.conn.Close() }
	if !h.add(s) {
		s.end()
		s.cut()
		return
	}
	defer h.remove(s)
	s.run()
}

func (h *Handler) add(s *session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.sessions[s] = true
	}
	return !h.closed
}

func (h *Handler) remove(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
}

// Close lets nobody in any more, says goodbye to all clients, and returns when they are gone
// or ctx has ended.
func (h *Handler) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.empty.Broadcast()
	})
	defer stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.sessions {
		s.leave(websocket.StatusGoingAway, "the coordinator ends: connect again")
	}
	for h.seats > 0 && ctx.Err() == nil {
		h.empty.Wait()
	}
	if h.seats > 0 {
		return ctx.Err()
	}
	return nil
}

// refuse answers a request that is not let in, and tells of it.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	h.audit(r, no)
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Set("Connection", "close")
	switch no.status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		header.Set("Upgrade", "websocket")
		header.Set("Connection", "Upgrade")
	case http.StatusBadRequest:
		header.Set("Sec-WebSocket-Version", "13")
	}
	if no.after > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(no.after.Seconds()))))
	}
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(no.status), "status": no.status, "code": cmp.Or(codes[no.status], coordinator.Invalid),
		"detail": no.reason, "request_id": header.Get("X-Request-Id")})
}

// codes are the families of faults that statuses tell of; all others are coordinator.Invalid.
var codes = map[int]coordinator.Family{
	http.StatusUnauthorized:       coordinator.Unnamed,
	http.StatusForbidden:          coordinator.Forbidden,
	http.StatusTooManyRequests:    coordinator.OverLimit,
	http.StatusServiceUnavailable: coordinator.Unavailable,
}

func (h *Handler) audit(r *http.Request, no *refusal) {
	address, _ := addressOf(r)
	h.cfg.Audit.Refused(Refusal{At: time.Now().UTC(), Project: no.who.Project, User: no.who.Name, Key: no.who.Key, Address: address,
		Origin: originOf(r), Status: no.status, Reason: no.reason, Count: 1})
}

// hijacked keeps the connection that is taken over, so that it can be cut whatever is waited
// for on it.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, rw, err
}
