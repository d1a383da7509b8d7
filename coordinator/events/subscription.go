package events

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/coordinator"
)

var (
	// ErrSlow ends a subscription whose viewer did not keep up. Nothing is lost before it:
	// who subscribes again since the last event that Next returned sees all that is stored.
	ErrSlow = errors.New("the viewer does not keep up")
	// ErrClosed ends the subscriptions of a log that was closed.
	ErrClosed = errors.New("the events are closed")
)

const (
	atOnce      = 64      // entries that Next returns at most
	bufferBytes = 8 << 20 // that wait for a viewer; one entry more is let in
)

// Subscription is one viewer's way through the events.
type Subscription struct {
	log    *Log
	filter coordinator.EventFilter
	serves func(*coordinator.Worker, time.Time) bool // nil: none; see beside.go
	max    int
	end    context.CancelFunc

	mu    sync.Mutex
	buf   []*Entry // guarded by mu, as all below
	bytes int
	err   error         // why no more come
	last  uint64        // of what Next has returned, or was asked for
	live  bool          // it was given all that is stored
	news  chan struct{} // holds one when there is something for Next
	space chan struct{} // holds one when there is room again
}

// Next returns the next events, at least one and at most 64, in the order of their ids. Its
// error is ErrSlow, ErrClosed, io.EOF behind the last of [Log.Stored], a fault of the store, or
// that of ctx, behind which it may be called again. Only one goroutine may call it.
func (s *Subscription) Next(ctx context.Context) ([]*Entry, error) {
	for {
		s.mu.Lock()
		if n := min(len(s.buf), atOnce); n > 0 {
			out := s.buf[:n:n]
			s.buf = s.buf[n:]
			for _, e := range out {
				s.bytes -= e.size
			}
			s.last = out[n-1].ID
			s.mu.Unlock()
			poke(s.space)
			return out, nil
		}
		err := s.err
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// LastID is the id of the last event that Next has returned, or the one that was asked for:
// what to ask for to go on from here.
func (s *Subscription) LastID() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// joined says that the subscription was given all that is stored, and goes on with what comes.
func (s *Subscription) joined() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = true
}

// upToDate reports whether Next has returned all that is stored.
func (s *Subscription) upToDate() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live && len(s.buf) == 0
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.end()
	s.fail(ErrClosed)
	s.log.hub.leave(s)
}

// offer takes an entry if there is room, and reports whether there was; without room the
// subscription ends.
func (s *Subscription) offer(e *Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	if len(s.buf) >= s.max || s.bytes >= bufferBytes {
		s.err = ErrSlow
		poke(s.news)
		return false
	}
	s.buf = append(s.buf, e)
	s.bytes += e.size
	poke(s.news)
	return true
}

// pushAll offers entries, each when there is room for it.
func (s *Subscription) pushAll(ctx context.Context, entries []*Entry) error {
	for _, e := range entries {
		for s.room() <= 0 {
			select {
			case <-s.space:
			case <-ctx.Done():
				return ErrClosed
			}
		}
		if ctx.Err() != nil || !s.offer(e) {
			return ErrClosed
		}
	}
	return nil
}

// room is how many entries fit.
func (s *Subscription) room() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes >= bufferBytes {
		return 0
	}
	return s.max - len(s.buf)
}

// fail ends the subscription behind what is in its buffer.
func (s *Subscription) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	poke(s.news)
}

func (s *Subscription) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
