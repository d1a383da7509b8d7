package bus

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Settings of readers.
const (
	readAhead      = 1024             // messages, and pullBytes a request
	readerIdle     = 30 * time.Second // after which the server forgets a reader that is gone
	readerRetry    = 50 * time.Millisecond
	readerRetryMax = 2 * time.Second
)

// reader reads a stream in order by an unacknowledged consumer of its own, kept in
// the server's memory. Whenever a message may have been lost on the way it makes a
// new consumer, from the message after the last one it delivered.
type reader struct {
	c              *Conn
	stream, filter string
	from           uint64 // sequence of the next message, or a lower one; guarded by mu after start
	live           bool
	deliver        func(*Stored) bool // false: enough
	drained        func()
	gone           func(error)

	mu      sync.Mutex // held while deliver runs
	puller  *Puller    // guarded by mu, as all below
	name    string
	order   uint64 // of the last delivery of this consumer
	left    uint64 // messages that were stored when it was made and are still to come
	stopped bool
	quit    chan struct{}
}

func (r *reader) start(ctx context.Context) error {
	r.quit = make(chan struct{})
	r.from = max(r.from, 1)
	return r.open(ctx)
}

// open makes a consumer and starts to read.
func (r *reader) open(ctx context.Context) error {
	inbox := r.c.nc.NewInbox()
	name := "r" + inbox[strings.LastIndexByte(inbox, '.')+1:]
	var made struct {
		Pending uint64 `json:"num_pending"`
	}
	r.mu.Lock()
	from := r.from
	r.mu.Unlock()
	w := jetstream.ConsumerConfig{
		Name:              name,
		AckPolicy:         jetstream.AckNonePolicy,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		FilterSubject:     r.filter,
		MaxDeliver:        unlimited,
		InactiveThreshold: readerIdle,
		MemoryStorage:     true,
		Replicas:          1,
	}
	if err := r.c.createConsumer(ctx, r.stream, w, "create", &made); err != nil {
		return err
	}
	p := &Puller{c: r.c, stream: r.stream, name: name, fragile: true}
	p.deliver = func(m *Message) { r.receive(p, m) }
	p.gone = func(err error) { r.lost(p, err) }
	if !r.live {
		p.drained = func() { r.finish(p) }
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil
	}
	if err := p.start(); err != nil {
		return err
	}
	r.puller, r.name, r.order, r.left = p, name, 0, made.Pending
	if !r.live && made.Pending == 0 {
		r.drained()
		return nil
	}
	p.Want(readAhead)
	return nil
}

// receive passes on a message, if it is the next one.
func (r *reader) receive(p *Puller, m *Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || p != r.puller {
		return
	}
	if m.order != r.order+1 {
		p.Stop()
		go r.reopen()
		return
	}
	r.order = m.order
	r.from = m.Seq + 1
	if !r.deliver(&Stored{Subject: m.Subject, Data: m.Data, Seq: m.Seq, Time: m.Stored}) {
		return
	}
	if r.left--; !r.live && (r.left == 0 || m.Pending == 0) {
		r.drained()
		return
	}
	p.Want(1)
}

// finish says that nothing more is stored.
func (r *reader) finish(p *Puller) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped && p == r.puller {
		r.drained()
	}
}

// lost goes on with a new consumer, unless the connection was closed.
func (r *reader) lost(p *Puller, err error) {
	r.mu.Lock()
	current := p == r.puller && !r.stopped
	r.mu.Unlock()
	if !current {
		return
	}
	if errors.Is(err, ErrClosed) {
		r.gone(err)
		return
	}
	go r.reopen()
}

// reopen tries until there is a consumer again, or never will be.
func (r *reader) reopen() {
	wait := readerRetry
	for {
		err := r.open(context.Background())
		if err == nil {
			return
		}
		if errors.Is(err, ErrClosed) || errors.Is(err, ErrNoStream) {
			r.gone(err)
			return
		}
		select {
		case <-r.quit:
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, readerRetryMax)
	}
}

// stop ends the reading; deliver does not run when it returns.
func (r *reader) stop() {
	r.mu.Lock()
	if r.stopped {
		r.mu.Unlock()
		return
	}
	r.stopped = true
	close(r.quit)
	p, name := r.puller, r.name
	r.mu.Unlock()
	if p != nil {
		p.Stop()
		// The server forgets it anyhow after a while; nobody has to wait for that.
		_ = r.c.nc.Publish(apiPrefix+"CONSUMER.DELETE."+r.stream+"."+name, nil)
	}
}
