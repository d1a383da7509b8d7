package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Settings of the requests for messages.
const (
	pullExpires   = 30 * time.Second
	pullHeartbeat = 5 * time.Second
	pullSilence   = 2*pullHeartbeat + pullHeartbeat/2 // so long without a sign: the requests are lost
	pullBytes     = 8 << 20                           // of one request; more than any one message
	pullRetry     = 200 * time.Millisecond            // before the first request after a refusal
	pullRetryMax  = 3 * time.Second
	pullPatience  = 45 * time.Second // with a consumer that gives no sign: an election takes less
)

// errSilent ends a puller of a consumer that exists, and has no leader, or none that answers.
var errSilent = fmt.Errorf("the consumer gives no sign: %w", ErrTimeout)

// errLost ends a fragile puller: messages may have been lost.
var errLost = errors.New("messages may be lost")

// Puller reads a pull consumer by explicit credit: never more messages arrive than
// were asked for by Want. It outlives reconnects, restarts of the server and changes
// of its leader; it ends when the consumer is gone or by Stop.
type Puller struct {
	c        *Conn
	stream   string
	name     string
	next     string // subject of the requests
	deliver  func(*Message)
	gone     func(error)
	drained  func() // not nil: requests end when nothing is stored, and this is told
	fragile  bool   // what was lost does not come again: end with errLost instead of starting over
	watch    *watcher
	patience time.Duration

	mu      sync.Mutex
	sub     *nats.Subscription // guarded by mu, as all below
	inbox   string             // changes with each start over, so that requests of before find nobody
	credit  int                // wanted and not delivered
	asked   int                // of these, requested from the server
	request []byte
	alive   time.Time // last sign of the server, or request
	sign    time.Time // last sign of the consumer, since anything is wanted; zero while there is no connection
	wait    time.Duration
	paused  bool // until the timer runs
	stopped bool
	checks  bool // a check of the consumer is under way
	timer   *time.Timer
}

// NewPuller starts to read; nothing comes before the first Want. deliver is called
// with one message at a time, in the order of arrival, and may block: what was
// wanted then waits in memory. gone is called once if the consumer or its stream is
// deleted (ErrGone), the consumer gives no sign for 45 s (ErrTimeout) or the connection is closed
// (ErrClosed); nothing is delivered after it.
func (c *Conn) NewPuller(stream, consumer string, deliver func(*Message), gone func(error)) (*Puller, error) {
	p := &Puller{c: c, stream: stream, name: consumer, deliver: deliver, gone: gone, patience: pullPatience}
	if err := p.start(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Puller) start() error {
	p.next = apiPrefix + "CONSUMER.MSG.NEXT." + p.stream + "." + p.name
	p.timer = time.AfterFunc(time.Hour, p.tick)
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.subscribe(); err != nil {
		return p.errorf(err)
	}
	p.watch = &watcher{
		lost:   p.lost,
		back:   p.startOver,
		closed: func() { p.finish(ErrClosed) },
	}
	p.c.watch(p.watch)
	return nil
}

func (p *Puller) errorf(err error) error {
	return fmt.Errorf("pull %s %s: %w", p.stream, p.name, err)
}

// Want lets n more messages come.
func (p *Puller) Want(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.credit == 0 {
		p.sign = time.Now()
	}
	p.credit += n
	p.ask()
}

// Credit is the number of messages wanted and not delivered yet.
func (p *Puller) Credit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.credit
}

// InHand returns how many messages the server takes to be in the hands of the consumer's readers:
// handed out, and not acknowledged.
func (p *Puller) InHand(ctx context.Context) (int, error) {
	s, err := p.c.ConsumerState(ctx, p.stream, p.name)
	return s.InHand, err
}

// Stop ends the reading: deliver is not called for messages that arrive after it;
// they are given back, which [Conn.Settle] waits for. Messages in hand can still be
// acknowledged.
func (p *Puller) Stop() {
	p.c.unwatch(p.watch)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	p.stopped = true
	p.timer.Stop()
	p.c.drain(p.sub)
}

// finish tells the owner that nothing comes any more.
func (p *Puller) finish(err error) {
	p.mu.Lock()
	stopped := p.stopped
	p.stopped = true
	p.timer.Stop()
	if !stopped {
		_ = p.sub.Unsubscribe()
	}
	p.mu.Unlock()
	if !stopped {
		p.c.unwatch(p.watch)
		p.gone(p.errorf(err))
	}
}

// subscribe opens an inbox. Called with mu held.
func (p *Puller) subscribe() error {
	inbox := p.c.nc.NewInbox()
	sub, err := p.c.nc.Subscribe(inbox, func(m *nats.Msg) { p.receive(m, inbox) })
	if err != nil {
		return wireError(err)
	}
	_ = sub.SetPendingLimits(unlimited, unlimited) // bounded by what was asked for
	p.sub, p.inbox = sub, inbox
	return nil
}

// ask requests what is wanted and not requested yet, when that is at least half of
// what is wanted: so requests are few and never run dry. Called with mu held.
func (p *Puller) ask() {
	need := p.credit - p.asked
	if need <= 0 || p.stopped || p.paused || p.asked > 0 && 2*need < p.credit {
		return
	}
	if p.drained != nil && p.asked > 0 { // the server refuses a second request of this sort
		return
	}
	b := append(p.request[:0], `{"batch":`...)
	b = strconv.AppendInt(b, int64(need), 10)
	b = append(b, `,"max_bytes":`...)
	b = strconv.AppendInt(b, pullBytes, 10)
	if p.drained != nil {
		b = append(b, `,"no_wait":true}`...)
	} else {
		b = append(b, `,"expires":`...)
		b = strconv.AppendInt(b, int64(pullExpires), 10)
		b = append(b, `,"idle_heartbeat":`...)
		b = strconv.AppendInt(b, int64(pullHeartbeat), 10)
		b = append(b, '}')
	}
	p.request = b
	if p.c.nc.PublishRequest(p.next, p.inbox, b) != nil {
		p.pause()
		return
	}
	if p.asked == 0 {
		p.alive = time.Now()
		p.timer.Reset(pullHeartbeat)
	}
	p.asked += need
}

// pause holds requests back for a while that doubles. Called with mu held.
func (p *Puller) pause() {
	p.wait = min(max(2*p.wait, pullRetry), pullRetryMax)
	p.paused = true
	p.timer.Reset(p.wait)
}

// tick ends a pause and looks for requests that were lost.
func (p *Puller) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
	case p.paused:
		p.paused = false
		p.ask()
		if p.asked > 0 {
			p.alive = time.Now()
			p.timer.Reset(pullHeartbeat)
		}
	case p.asked > 0 && time.Since(p.alive) > pullSilence && p.c.nc.IsConnected():
		p.c.log.Warn("no sign of the consumer", "stream", p.stream, "consumer", p.name)
		p.check()
	case p.asked > 0:
		p.timer.Reset(pullHeartbeat)
	}
}

// lost notes that the connection is: the consumer could give no sign.
func (p *Puller) lost() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sign = time.Time{}
}

// startOver forgets what was requested, makes sure that the consumer is there, and
// asks again.
func (p *Puller) startOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		p.sign = time.Now()
		p.check()
	}
}

// renew gives up all requests: nobody listens to their inbox any more. What still
// arrives is delivered as far as credit goes. Called with mu held.
func (p *Puller) renew() {
	old := p.sub
	if p.subscribe() == nil {
		p.c.drain(old)
	}
	p.asked = 0
}

// check asks whether the consumer still exists, and goes on or ends. Called with mu held.
func (p *Puller) check() {
	if p.checks {
		return
	}
	p.checks, p.paused = true, true
	p.timer.Stop()
	silent := p.credit > 0 && !p.sign.IsZero() && time.Since(p.sign) > p.patience && p.c.nc.IsConnected()
	go func() { // ends with the request, which has a deadline
		if p.fragile {
			p.finish(errLost)
			return
		}
		if silent {
			p.finish(errSilent)
			return
		}
		err := p.c.api(context.Background(), "CONSUMER.INFO."+p.stream+"."+p.name, nil, nil)
		if errors.Is(err, ErrGone) || errors.Is(err, ErrNoStream) {
			p.finish(fmt.Errorf("%w: %w", ErrGone, err))
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.checks = false
		if p.stopped {
			return
		}
		if err != nil {
			p.pause()
			return
		}
		p.paused = false
		p.renew()
		p.ask()
	}()
}

// receive takes a message or a status.
func (p *Puller) receive(m *nats.Msg, inbox string) {
	if m.Reply == "" {
		p.status(m, inbox)
		return
	}
	meta, ok := parseReply(m.Reply)
	if !ok {
		return
	}
	p.mu.Lock()
	p.alive = time.Now()
	p.sign = p.alive
	if inbox == p.inbox && p.asked > 0 {
		p.asked--
	}
	if p.fragile && p.stopped {
		p.mu.Unlock()
		return
	}
	refuse := p.stopped || p.credit == 0
	if !refuse {
		p.credit--
		p.wait = 0
		p.ask()
	}
	p.mu.Unlock()
	if refuse {
		_ = p.c.nc.Publish(m.Reply, ackNak)
		return
	}
	p.deliver(&Message{
		Subject:   m.Subject,
		Data:      m.Data,
		Seq:       meta.streamSeq,
		Delivered: meta.delivered,
		Stored:    time.Unix(0, meta.stored),
		Pending:   meta.pending,
		order:     meta.consumerSeq,
		c:         p.c,
		reply:     m.Reply,
	})
}

// status takes what the server says of a request.
func (p *Puller) status(m *nats.Msg, inbox string) {
	code, text := m.Header.Get(hdrStatus), m.Header.Get(hdrDescription)
	if code == "409" && text == "Consumer Deleted" {
		p.finish(ErrGone)
		return
	}
	if p.drained != nil && (code == "404" || code == "408") {
		p.drained()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped || inbox != p.inbox {
		return
	}
	p.alive = time.Now()
	if code == "100" || code == "" {
		p.sign = p.alive
		return
	}
	left, err := strconv.Atoi(m.Header.Get("Nats-Pending-Messages"))
	switch {
	case err == nil && text == "Server Shutdown":
		p.asked = max(0, p.asked-left)
		p.pause()
	case err == nil: // expired, or out of bytes
		p.asked = max(0, p.asked-left)
		p.ask()
	case code == "503" || code == "404":
		p.asked = 0
		p.check()
	case p.fragile:
		p.check()
	default:
		p.c.log.Warn("request for messages refused", "stream", p.stream, "consumer", p.name, "status", code, "err", text)
		p.renew()
		p.pause()
	}
}
