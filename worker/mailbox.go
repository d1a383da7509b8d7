package worker

import "sync"

// mailbox carries events to the one goroutine that takes them. It is bounded by what is
// in flight: every event answers something that its loop asked for or has credit for.
type mailbox struct {
	mu     sync.Mutex
	events []event      // guarded by mu
	drop   func(*event) // guarded by mu; not nil when nobody takes events any more
	wake   chan struct{}
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// post adds an event; it never blocks. When the box is closed the event is dropped.
func (b *mailbox) post(e event) {
	b.mu.Lock()
	drop := b.drop
	if drop == nil {
		b.events = append(b.events, e)
	}
	b.mu.Unlock()
	if drop != nil {
		drop(&e)
		return
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// close hands the events that wait, and all that still come, to drop: its loop is over.
func (b *mailbox) close(drop func(*event)) {
	b.mu.Lock()
	b.drop = drop
	left := b.events
	b.events = nil
	b.mu.Unlock()
	for i := range left {
		drop(&left[i])
	}
}

// take returns the events that wait and gives buf to those that come.
func (b *mailbox) take(buf []event) []event {
	b.mu.Lock()
	got := b.events
	b.events = buf[:0]
	b.mu.Unlock()
	return got
}
