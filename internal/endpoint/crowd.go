package endpoint

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// DefaultConnections is how many connections a [Crowd] lets in unless it is told.
const DefaultConnections = 4096

// spare is how many connections over the bound are told so. More are closed at once.
const spare = 64

// Crowd bounds the connections to a server. One address may have half of them, so that it alone
// can't keep out others. Those over a bound get the status 503, and are closed. Connections that
// became sockets do not count.
type Crowd struct {
	// Told is told, before [Crowd.Bound], of each connection that is one too many: of its request,
	// or where it is closed at once, of the address alone and a nil request. It must not wait.
	Told func(address string, r *http.Request)

	most int

	mu  sync.Mutex
	all map[net.Conn]string // with the host each is of; guarded by mu, as is by
	by  map[string]int
}

// NewCrowd returns a crowd of at most so many; 0 is DefaultConnections.
func NewCrowd(most int) *Crowd {
	if most <= 0 {
		most = DefaultConnections
	}
	return &Crowd{Told: func(string, *http.Request) {}, most: most, all: map[net.Conn]string{}, by: map[string]int{}}
}

type surplusKey struct{}

// Bound makes a server that is not at work yet hold to it.
func (c *Crowd) Bound(s *http.Server) {
	next := s.Handler
	s.ConnContext, s.ConnState = c.comes, c.changes
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(surplusKey{}) == nil {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Connection", "close")
		h.Set("Retry-After", "2")
		h.Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(full)) // the caller is gone
		c.Told(r.RemoteAddr, r)
	})
}

// full is the answer to who is one too many.
const full = `{"title":"Service Unavailable","status":503,"code":"unavailable","detail":"the server has as many connections as it may have, in all or from this address","hint":"close some, or ask again in a moment"}` + "\n"

// comes is called for each connection.
func (c *Crowd) comes(ctx context.Context, conn net.Conn) context.Context {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		host = conn.RemoteAddr().String()
	}
	switch over := c.counts(conn, host); {
	case over > spare:
		_ = conn.Close()
		c.Told(conn.RemoteAddr().String(), nil)
	case over > 0:
		return context.WithValue(ctx, surplusKey{}, true)
	}
	return ctx
}

// counts counts a connection, and says how many there are over the bounds.
func (c *Crowd) counts(conn net.Conn, host string) (over int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[conn] = host
	c.by[host]++
	return max(len(c.all)-c.most, c.by[host]-max(1, c.most/2))
}

// changes forgets a connection that is over.
func (c *Crowd) changes(conn net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	host, counted := c.all[conn]
	if !counted {
		return
	}
	delete(c.all, conn)
	if c.by[host]--; c.by[host] == 0 {
		delete(c.by, host)
	}
}
