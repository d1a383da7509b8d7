package bus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Headers that JetStream reads.
const (
	hdrMsgID       = "Nats-Msg-Id"
	hdrSubjectSeq  = "Nats-Expected-Last-Subject-Sequence"
	hdrSeqSubject  = "Nats-Expected-Last-Subject-Sequence-Subject"
	hdrStream      = "Nats-Expected-Stream"
	hdrTTL         = "Nats-TTL"
	hdrRollup      = "Nats-Rollup"
	hdrStatus      = "Status"
	hdrDescription = "Description"
)

// Put is a message to be stored. Nothing of it is kept after [Publisher.Put] returns.
type Put struct {
	Subject          string
	Data             []byte
	MsgID            string  // "" for none
	ExpectSubjectSeq *uint64 // the last sequence of the subject, 0 for none yet; else ErrConflict
	ExpectOf         string  // the subject that ExpectSubjectSeq is of, wildcards allowed; "" is Subject
	Stream           string  // the stream that has to take it, "" for any
	// TTL removes it after so long, in whole seconds, where the stream allows that; 0 never.
	TTL time.Duration
	// Rollup removes all messages before it on its subject, where the stream allows that.
	Rollup bool
}

// Outcome is what became of a [Put].
type Outcome struct {
	Seq       uint64 // in the stream; of the first one when Duplicate
	Duplicate bool   // the MsgID was known: nothing was stored
	// Err is ErrFull, ErrConflict, ErrNoStream (in a cluster also while a leader is
	// being elected), ErrStore, ErrTooLarge, ErrTimeout (also ErrDisconnected) or ErrClosed.
	Err error
}

// Publisher stores messages without waiting for each: an answer costs a callback,
// not a goroutine or a channel. Puts of one goroutine arrive in their order; with
// refusals in between, what follows a refused one may be stored before it is tried
// again.
type Publisher struct {
	c      *Conn
	sub    *nats.Subscription
	prefix string // of the reply subjects
	watch  *watcher

	send sync.Mutex // keeps messages in order; guards msg
	msg  nats.Msg   // with and without headers, used again for each put
	hdr  nats.Header

	mu       sync.Mutex
	slots    []slot   // guarded by mu, as all below
	free     []uint32 // indexes of slots not in use
	puts     uint64   // so far
	inFlight int
	closed   bool
	armed    bool
	sweeper  *time.Timer
}

// slot is a put in flight.
type slot struct {
	done     func(Outcome) // nil: not in use
	order    uint64        // number of the put, to tell a late answer from one to the slot's next user
	deadline int64
	err      error // known to have failed; the sweeper tells
}

// NewPublisher makes a publisher with an inbox of its own.
func (c *Conn) NewPublisher() (*Publisher, error) {
	p := &Publisher{c: c, prefix: c.nc.NewInbox() + "."}
	p.hdr = make(nats.Header, 5)
	sub, err := c.nc.Subscribe(p.prefix+"*", p.answer)
	if err != nil {
		return nil, fmt.Errorf("publisher: %w", wireError(err))
	}
	_ = sub.SetPendingLimits(unlimited, unlimited) // as many as are in flight
	p.sub = sub
	p.sweeper = time.AfterFunc(time.Hour, p.sweep)
	p.sweeper.Stop()
	p.watch = &watcher{
		lost:   func() { p.failAll(ErrDisconnected) },
		closed: func() { p.end() },
	}
	c.watch(p.watch)
	return p, nil
}

// InFlight is the number of puts whose outcome is not known yet.
func (p *Publisher) InFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inFlight
}

// Put sends the message and calls done once with what became of it: from another
// goroutine, also when it fails at once. done must not block: it holds up the
// answers behind it.
func (p *Publisher) Put(m Put, done func(Outcome)) {
	p.send.Lock()
	defer p.send.Unlock()
	i, order, ok := p.take(done)
	if !ok {
		go done(Outcome{Err: fmt.Errorf("publisher: %w", ErrClosed)})
		return
	}
	var room [64]byte
	b := append(room[:0], p.prefix...)
	b = strconv.AppendUint(b, uint64(i), 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, order, 36)
	p.msg.Subject, p.msg.Reply, p.msg.Data = m.Subject, string(b), m.Data
	p.setHeader(&m)
	err := p.c.nc.PublishMsg(&p.msg)
	p.msg.Data = nil
	if err != nil {
		p.failOne(i, order, wireError(err))
	}
}

// setHeader fills the header that is used again for each put.
func (p *Publisher) setHeader(m *Put) {
	if m.MsgID == "" && m.ExpectSubjectSeq == nil && m.Stream == "" && m.TTL == 0 && !m.Rollup {
		p.msg.Header = nil
		return
	}
	p.setField(hdrMsgID, m.MsgID)
	p.setField(hdrStream, m.Stream)
	seq := ""
	if m.ExpectSubjectSeq != nil {
		seq = strconv.FormatUint(*m.ExpectSubjectSeq, 10)
	}
	p.setField(hdrSubjectSeq, seq)
	p.setField(hdrSeqSubject, m.ExpectOf)
	ttl := ""
	if m.TTL > 0 {
		ttl = strconv.FormatInt(int64(m.TTL/time.Second), 10)
	}
	p.setField(hdrTTL, ttl)
	rollup := ""
	if m.Rollup {
		rollup = "sub"
	}
	p.setField(hdrRollup, rollup)
	p.msg.Header = p.hdr
}

func (p *Publisher) setField(key, value string) {
	v := p.hdr[key]
	switch {
	case value == "":
		if len(v) > 0 {
			p.hdr[key] = v[:0]
		}
	case cap(v) > 0:
		v = v[:1]
		v[0] = value
		p.hdr[key] = v
	default:
		p.hdr[key] = []string{value}
	}
}

// PutSync stores the message and waits. When ctx ends first the outcome is
// ErrTimeout and the message may or may not be stored.
func (p *Publisher) PutSync(ctx context.Context, m Put) Outcome {
	answer := make(chan Outcome, 1)
	p.Put(m, func(o Outcome) { answer <- o })
	select {
	case o := <-answer:
		return o
	case <-ctx.Done():
		return Outcome{Err: fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())}
	}
}

// Close ends all puts in flight with ErrClosed. The connection stays open.
func (p *Publisher) Close() {
	p.c.unwatch(p.watch)
	_ = p.sub.Unsubscribe()
	p.end()
}

func (p *Publisher) end() {
	p.mu.Lock()
	p.closed = true
	p.sweeper.Stop()
	p.mu.Unlock()
	p.failAll(fmt.Errorf("publisher: %w", ErrClosed))
}

// take finds a slot for a put.
func (p *Publisher) take(done func(Outcome)) (i uint32, order uint64, ok bool) {
	deadline := time.Now().Add(p.c.ackWait).UnixNano()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, 0, false
	}
	if n := len(p.free); n > 0 {
		i = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		i = uint32(len(p.slots))
		p.slots = append(p.slots, slot{})
	}
	p.puts++
	p.slots[i] = slot{done: done, order: p.puts, deadline: deadline}
	p.inFlight++
	if !p.armed {
		p.armed = true
		p.sweeper.Reset(p.tick())
	}
	return i, p.puts, true
}

// release gives the slot back and returns whom to tell. Called with mu held.
func (p *Publisher) release(i uint32) func(Outcome) {
	done := p.slots[i].done
	p.slots[i] = slot{}
	p.free = append(p.free, i)
	p.inFlight--
	return done
}

// answer takes JetStream's answer to a put.
func (p *Publisher) answer(m *nats.Msg) {
	i, order, ok := parseToken(m.Subject[len(p.prefix):])
	if !ok {
		return
	}
	var o Outcome
	if len(m.Data) == 0 && m.Header.Get(hdrStatus) == "503" {
		o.Err = fmt.Errorf("no stream answers: %w", ErrNoStream)
	} else {
		o = parseAck(m.Data)
	}
	p.mu.Lock()
	if uint64(i) >= uint64(len(p.slots)) || p.slots[i].order != order || p.slots[i].done == nil {
		p.mu.Unlock()
		return
	}
	done := p.release(i)
	p.mu.Unlock()
	done(o)
}

// parseToken reads the last token of a reply subject: slot-order.
func parseToken(t string) (i uint32, order uint64, ok bool) {
	for k := 0; k < len(t); k++ {
		if t[k] != '-' {
			continue
		}
		a, err := strconv.ParseUint(t[:k], 36, 32)
		b, err2 := strconv.ParseUint(t[k+1:], 36, 64)
		return uint32(a), b, err == nil && err2 == nil
	}
	return 0, 0, false
}

func (p *Publisher) tick() time.Duration {
	return min(max(p.c.ackWait/8, 5*time.Millisecond), time.Second)
}

// sweep tells those whose time is over, and those that failed at once.
func (p *Publisher) sweep() {
	now := time.Now().UnixNano()
	p.fail(func(s *slot) error {
		if s.err == nil && s.deadline < now {
			return ErrTimeout
		}
		return s.err
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = p.inFlight > 0 && !p.closed
	if p.armed {
		p.sweeper.Reset(p.tick())
	}
}

func (p *Publisher) failAll(err error) {
	p.fail(func(s *slot) error {
		if s.err != nil {
			return s.err
		}
		return err
	})
}

// failOne marks a put; the sweeper tells, so that done never runs inside Put.
func (p *Publisher) failOne(i uint32, order uint64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := &p.slots[i]; s.order == order && s.done != nil {
		s.err = err
		if !p.closed {
			p.armed = true
			p.sweeper.Reset(0)
		}
	}
}

// fail ends the puts for which verdict is not nil, in their order.
func (p *Publisher) fail(verdict func(*slot) error) {
	type ending struct {
		order uint64
		done  func(Outcome)
		err   error
	}
	var endings []ending
	p.mu.Lock()
	for i := range p.slots {
		s := &p.slots[i]
		if s.done == nil {
			continue
		}
		if err := verdict(s); err != nil {
			order := s.order
			endings = append(endings, ending{order, p.release(uint32(i)), err})
		}
	}
	p.mu.Unlock()
	slices.SortFunc(endings, func(a, b ending) int {
		if a.order < b.order {
			return -1
		}
		return 1
	})
	for _, e := range endings {
		e.done(Outcome{Err: e.err})
	}
}
