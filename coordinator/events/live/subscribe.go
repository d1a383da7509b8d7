package live

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/coder/websocket"

	"sluice/coordinator"
	"sluice/coordinator/events"
)

// subscription is what a client sees under one id.
type subscription struct {
	id   string
	from *events.Subscription
	done chan struct{} // closed: it writes no more
}

// subscribe begins to send events.
func (s *session) subscribe(req request) error {
	switch {
	case req.ID == "":
		return coordinator.Faultf(coordinator.Invalid, "a subscription has an id")
	case req.Since != nil && req.Last != nil:
		return coordinator.Faultf(coordinator.Invalid, "a subscription has since or last, not both")
	case req.Last != nil && *req.Last < 1:
		return coordinator.Faultf(coordinator.Invalid, "last is at least 1")
	}
	s.mu.Lock()
	n, taken := len(s.subs), s.subs[req.ID] != nil
	s.mu.Unlock()
	switch {
	case taken:
		return coordinator.Faultf(coordinator.Conflict, "there is a subscription %s: unsubscribe it first", req.ID)
	case n >= s.h.cfg.MaxSubscriptions:
		return coordinator.Faultf(coordinator.OverLimit, "a socket has at most %d subscriptions", s.h.cfg.MaxSubscriptions)
	}
	var from *events.Subscription
	var err error
	switch {
	case req.Since != nil:
		from, err = s.source.Since(s.life, req.Filter, *req.Since)
	case req.Last != nil:
		from, err = s.source.Last(s.life, req.Filter, *req.Last)
	default:
		from, err = s.source.Last(s.life, req.Filter, defaultLast)
	}
	if err != nil {
		return err
	}
	sub := &subscription{id: req.ID, from: from, done: make(chan struct{})}
	s.mu.Lock()
	s.subs[req.ID] = sub
	s.mu.Unlock()
	s.send(frame{Type: "subscribed", ID: req.ID})
	s.all.Go(func() { s.pump(sub) })
	return nil
}

// unsubscribe ends a subscription; behind its answer no event of it comes.
func (s *session) unsubscribe(req request) error {
	s.mu.Lock()
	sub := s.subs[req.ID]
	s.mu.Unlock()
	if sub == nil {
		return coordinator.Faultf(coordinator.Unknown, "no such subscription: %q", req.ID)
	}
	sub.from.Close()
	<-sub.done // a client that takes nothing is cut off meanwhile
	s.send(frame{Type: "unsubscribed", ID: req.ID})
	return nil
}

// pump sends a subscription's events, until it ends.
func (s *session) pump(sub *subscription) {
	defer close(sub.done)
	defer func() {
		sub.from.Close()
		s.mu.Lock()
		delete(s.subs, sub.id)
		s.mu.Unlock()
	}()
	head := fmt.Appendf(nil, `{"type":"event","id":"%s","event":`, sub.id)
	for {
		entries, err := sub.from.Next(s.life)
		for _, e := range entries {
			if !s.write(slices.Concat(head, e.JSON(), []byte{'}'})) {
				return
			}
		}
		if err != nil {
			s.stopped(sub, err)
			return
		}
	}
}

// stopped says why a subscription has ended.
func (s *session) stopped(sub *subscription, err error) {
	since := sub.from.LastID()
	switch {
	case s.life.Err() != nil, errors.Is(err, context.Canceled):
	case errors.Is(err, events.ErrSlow):
		s.send(frame{Type: "dropped", ID: sub.id, Since: &since, Text: "the client does not keep up: connect again, and subscribe since this id"})
		s.leave(websocket.StatusTryAgainLater, fmt.Sprintf("too slow: %s since %d", sub.id, since))
	case errors.Is(err, events.ErrClosed): // by unsubscribe, or the log ends: its owner ends the sockets
	default:
		s.send(frame{Type: "dropped", ID: sub.id, Since: &since, Code: codeOf(err), Text: textOf(err)})
	}
}
