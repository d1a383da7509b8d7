package live

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"sluice/coordinator"
)

// Close codes of our own; docs/events.md has all.
const (
	codeEnded websocket.StatusCode = 4001 // the key or token is not good any more: log in again
)

const (
	goodbye    = time.Second // how long a client may take to answer a close frame
	maxRefused = 100         // messages in a row; then the socket is closed
)

// session is one socket. Three sorts of goroutines live in it: run reads, beat and watch look
// after it, and each subscription has one that writes. The end of any is the end of all.
type session struct {
	h       *Handler
	p       coordinator.Principal
	source  Source
	address string
	origin  string

	conn  *websocket.Conn
	cut   func() // ends the connection at once
	life  context.Context
	end   context.CancelFunc // of all that goes on, but for what is said last
	all   sync.WaitGroup
	over  sync.Once
	ended atomic.Bool // the last word is said

	refused int // messages in a row; owned by run

	mu   sync.Mutex
	subs map[string]*subscription // guarded by mu
	told map[string]int           // refusals by reason; guarded by mu
}

func newSession(h *Handler, seat *seat, r *http.Request) *session {
	s := &session{h: h, p: seat.p, source: seat.source, origin: originOf(r), subs: map[string]*subscription{}, told: map[string]int{}}
	s.address, _ = addressOf(r)
	s.life, s.end = context.WithCancel(context.Background()) // the request's ends with what it was hijacked from
	return s
}

// run serves a client until one of both has enough.
func (s *session) run() {
	s.conn.SetReadLimit(s.h.cfg.MaxMessage)
	s.all.Go(s.beat)
	s.all.Go(s.watch)
	s.hello()
	for s.read() {
	}
	s.over.Do(func() { s.ended.Store(true) }) // from here on nobody says a last word
	s.end()
	s.cut()
	s.all.Wait()
	_ = s.conn.CloseNow()
	s.tellRest()
}

// read takes one message; false is the end.
func (s *session) read() bool {
	ctx, cancel := context.WithCancel(context.Background()) // not life: the client's goodbye is read behind its end
	defer cancel()
	typ, r, err := s.conn.Reader(ctx)
	var data []byte
	if err == nil {
		late := time.AfterFunc(s.h.cfg.ReadWait, cancel)
		data, err = io.ReadAll(r)
		late.Stop()
	}
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		s.turnDown("a message is too large", websocket.StatusMessageTooBig)
		s.leave(websocket.StatusMessageTooBig, "the message is too large")
		s.all.Wait()
		return false
	case err != nil:
		return false
	case s.ended.Load():
		return true // until the client has said goodbye too
	}
	s.take(typ, data)
	return true
}

// write sends one message; who does not take it in time is cut off.
func (s *session) write(data []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), s.h.cfg.WriteWait)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, data); err != nil {
		s.end()
		if !s.ended.Load() {
			s.cut()
		}
		return false
	}
	return true
}

// leave says the last word, in a goroutine of its own, and gives the client a second to answer.
func (s *session) leave(code websocket.StatusCode, reason string) {
	s.over.Do(func() {
		s.ended.Store(true)
		s.end()
		s.all.Go(func() {
			cut := time.AfterFunc(goodbye, s.cut)
			defer cut.Stop()
			_ = s.conn.Close(code, reason)
			s.cut()
		})
	})
}

// beat asks the client whether it lives.
func (s *session) beat() {
	tick := time.NewTicker(s.h.cfg.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.life.Done():
			return
		}
		ctx, cancel := context.WithTimeout(s.life, s.h.cfg.PongWait)
		err := s.conn.Ping(ctx)
		cancel()
		if err != nil && s.life.Err() == nil {
			s.h.log.Debug("a dead client is cut off", "address", s.address, "user", s.p.Name)
			s.end()
			s.cut()
			return
		}
	}
}

// watch ends the socket when its principal is not good any more.
func (s *session) watch() {
	revoked, stop := s.h.cfg.Tickets.Watch(s.p)
	defer stop()
	var expired <-chan time.Time
	if !s.p.Expires.IsZero() {
		timer := time.NewTimer(time.Until(s.p.Expires))
		defer timer.Stop()
		expired = timer.C
	}
	reason := ""
	select {
	case <-revoked:
		reason = "the key or token is not good any more"
	case <-expired:
		reason = "the key or token has expired"
	case <-s.life.Done():
		return
	}
	s.turnDown(reason, codeEnded)
	s.leave(codeEnded, reason)
}

// mayPing lets a ping of the client be answered. It is called while a frame is read.
func (s *session) mayPing() bool {
	ok, _ := s.h.cfg.Messages.Allow(userOf(&s.p))
	if !ok {
		s.turnDown("too many messages", 0)
	}
	return ok
}

// turnDown tells the audit of a refusal: the first of each reason at once, how many more there
// were at the end.
func (s *session) turnDown(reason string, status websocket.StatusCode) {
	s.mu.Lock()
	s.told[reason]++
	first := s.told[reason] == 1
	s.mu.Unlock()
	if first {
		s.tell(reason, int(status), 1)
	}
}

// tellRest tells the audit of what it was not told at once.
func (s *session) tellRest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for reason, n := range s.told {
		if n > 1 {
			s.tell(reason, 0, n-1)
		}
	}
}

func (s *session) tell(reason string, status, count int) {
	s.h.cfg.Audit.Refused(Refusal{At: time.Now().UTC(), Project: s.p.Project, User: s.p.Name, Key: s.p.Key, Address: s.address,
		Origin: s.origin, Status: status, Reason: reason, Count: count})
}
