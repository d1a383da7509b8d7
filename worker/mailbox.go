package worker

import "sync"

// mailbox carries events to the one goroutine that takes them. It is bounded by what is
// in flight: every event answers something that its loop asked for or has credit for.
type mailbox struct {
	mu     sync.Mutex
	events []event // guarded by mu
	wake   chan struct{}
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// post adds an event; it never blocks.
func (b *mailbox) post(e event) {
	b.mu.Lock()
	b.events = append(b.events, e)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
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
