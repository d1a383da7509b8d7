package events

import (
	"slices"
	"sync"
)

// Bounds of what a hub keeps in memory, so that a viewer who comes back reads no stream.
const (
	recentEvents = 1024
	recentBytes  = 4 << 20
)

// hub passes what is stored on to many subscriptions, and keeps the latest of it.
type hub struct {
	mu      sync.Mutex
	subs    map[*Subscription]bool // guarded by mu, as all below
	recent  []*Entry               // oldest first
	bytes   int                    // of them
	floor   uint64                 // all that is stored above it is in recent
	head    uint64                 // the last that was seen
	viewers int                    // subscriptions, joined or not
	closed  bool
}

func newHub(last uint64) *hub {
	return &hub{subs: map[*Subscription]bool{}, floor: last, head: last}
}

// tell passes an event on. It never waits: who has no room is dropped.
func (h *hub) tell(e *Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head = e.ID
	h.recent = append(h.recent, e)
	h.bytes += e.size
	n := 0
	for len(h.recent)-n > recentEvents || h.bytes > recentBytes && n < len(h.recent) {
		h.floor = h.recent[n].ID
		h.bytes -= h.recent[n].size
		n++
	}
	clear(h.recent[:n])
	h.recent = h.recent[n:]
	for s := range h.subs {
		if s.wants(e) && !s.offer(e) {
			delete(h.subs, s)
		}
	}
}

// join adds a subscription that has seen all up to last, if what came since is in memory and
// fits its buffer. Else it returns what is in memory of that; where covered is false, the
// stream has to be read first.
func (h *hub) join(s *Subscription, last uint64) (joined, covered bool, since []*Entry, head uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		s.fail(ErrClosed)
		return true, true, nil, h.head
	}
	if s.over() {
		return true, true, nil, h.head
	}
	if last < h.floor {
		return false, false, nil, h.head
	}
	at, _ := slices.BinarySearchFunc(h.recent, last+1, func(e *Entry, id uint64) int {
		if e.ID < id {
			return -1
		}
		return 1
	})
	for _, e := range h.recent[at:] {
		if s.wants(e) {
			since = append(since, e)
		}
	}
	if len(since) > s.room() {
		return false, true, since, h.head
	}
	for _, e := range since {
		s.offer(e)
	}
	h.subs[s] = true
	return true, true, nil, h.head
}

func (h *hub) leave(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}

// renew starts over where the stream is another one than before, and reports whether it is.
// Who is subscribed goes on with what is new.
func (h *hub) renew(last uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last > h.head || last == h.head && last > 0 {
		return false
	}
	h.recent, h.bytes, h.floor, h.head = nil, 0, last, last
	return true
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		s.fail(ErrClosed)
	}
	clear(h.subs)
}

// seen is the id of the last event that was seen.
func (h *hub) seen() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.head
}

// enter counts a viewer in, unless there are too many.
func (h *hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.viewers >= maxViewers {
		return false
	}
	h.viewers++
	return true
}

// exit counts a viewer out.
func (h *hub) exit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers--
}
