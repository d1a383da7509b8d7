package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
)

// Defaults of a connection.
const (
	// DefaultAckTimeout is above the 5 to 7 s that the election of a new leader
	// takes in a cluster.
	DefaultAckTimeout     = 12 * time.Second
	DefaultRequestTimeout = 10 * time.Second
	dialTimeout           = 5 * time.Second
	reconnectWait         = 50 * time.Millisecond
	reconnectJitter       = 100 * time.Millisecond
	unlimited             = -1
	// A server that a network no longer reaches closes no connection: it is left for another
	// when that many pings, one every so long, have had no answer. The client's own are two
	// minutes each.
	pingEvery = 4 * time.Second
	pingsLost = 2
)

// Conn is a connection to a NATS server. It reconnects by itself, for ever. All
// methods may be called from any goroutine.
type Conn struct {
	nc      *nats.Conn
	log     hclog.Logger
	ackWait time.Duration
	apiWait time.Duration
	onClose func()
	inside  *Server // that it is a connection inside of; nil for one over the network
	closing atomic.Bool
	lost    atomic.Int64  // when the connection was lost, in nanoseconds; 0 while there is one
	closed  chan struct{} // closed when all watchers know

	streams listed
	clock   clock

	mu       sync.Mutex
	watchers map[*watcher]struct{} // guarded by mu
	indirect map[string]bool       // streams without direct get; guarded by mu
	draining int                   // subscriptions from which messages may come still; guarded by mu
	drained  chan struct{}         // not nil: closed when there are none; guarded by mu
}

// watcher is told about the state of the connection; its functions must not block.
type watcher struct {
	lost, back, closed func()
}

type options struct {
	nats    []nats.Option
	log     hclog.Logger
	ackWait time.Duration
	shown   int     // of the ways to say who connects
	faults  []error // of the settings
}

func (o *options) refuse(err error) { o.faults = append(o.faults, err) }

// Option is a setting of a connection.
type Option func(*options)

// AckTimeout sets how long a publish waits for its acknowledgement; default
// DefaultAckTimeout.
func AckTimeout(d time.Duration) Option { return func(o *options) { o.ackWait = d } }

// Log sets where the connection reports losses and returns; default nowhere.
func Log(l hclog.Logger) Option { return func(o *options) { o.log = l } }

// Token is what the client shows to the server.
func Token(t string) Option {
	return func(o *options) {
		if t != "" {
			o.shown++
			o.nats = append(o.nats, nats.Token(t))
		}
	}
}

// OptionError is what is wrong with the options of a connection: nothing was dialled.
type OptionError struct{ error }

// Unwrap returns the fault.
func (e OptionError) Unwrap() error { return e.error }

// Dial connects to the server at url, or to one of several separated by commas; later also to
// others of the same cluster, which the server names. Errors name the setting or file that is
// wrong, and never what is in it: an [OptionError] where that is seen before a server is asked.
func Dial(url, name string, opts ...Option) (*Conn, error) {
	o := options{log: hclog.NewNullLogger(), ackWait: DefaultAckTimeout}
	for _, f := range opts {
		f(&o)
	}
	if o.shown > 1 {
		o.refuse(errors.New("of credentials file, NKey seed file, token and user only one can be shown to the server"))
	}
	if url != "" {
		o.checkURLs(url)
	}
	if err := errors.Join(o.faults...); err != nil {
		return nil, OptionError{err}
	}
	c := &Conn{
		log:      o.log,
		ackWait:  o.ackWait,
		apiWait:  DefaultRequestTimeout,
		onClose:  func() {},
		closed:   make(chan struct{}),
		watchers: make(map[*watcher]struct{}),
		indirect: make(map[string]bool),
	}
	nc, err := nats.Connect(url, append(o.nats, c.natsOptions(name)...)...)
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return nil, fmt.Errorf("connect %s: %w: %w", redacted(url), ErrUnauthorized, err)
	case errors.Is(err, nats.ErrNoServers):
		return nil, fmt.Errorf("connect %s: %w", redacted(url), ErrNoServer)
	case err != nil && greetless(err):
		return nil, fmt.Errorf("connect %s: %w: %w", redacted(url), ErrNotNATS, err)
	case err != nil:
		return nil, fmt.Errorf("connect %s: %w", redacted(url), err)
	}
	c.nc = nc
	return c, nil
}

// greetless reports whether a server was reached, and did not greet: one of HTTP waits to be asked.
func greetless(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.As(err, &op) && op.Op == "read" || strings.Contains(err.Error(), "expected 'INFO'")
}

func (c *Conn) natsOptions(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.Timeout(dialTimeout),
		nats.MaxReconnects(unlimited),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsLost),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.IgnoreAuthErrorAbort(),  // keys may be replaced on either side first
		nats.SkipSubjectValidation(), // subjects are made by this module, not by users
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if c.closing.Load() {
				return
			}
			c.lost.CompareAndSwap(0, time.Now().UnixNano())
			c.log.Warn("connection lost", "err", err)
			c.tell(func(w *watcher) func() { return w.lost })
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			c.lost.Store(0)
			c.log.Info("connected again", "url", nc.ConnectedUrlRedacted())
			c.tell(func(w *watcher) func() { return w.back })
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.log.Warn("connection error", "err", err)
		}),
		nats.ClosedHandler(func(*nats.Conn) {
			c.tell(func(w *watcher) func() { return w.closed })
			close(c.closed)
		}),
	}
}

func (c *Conn) watch(w *watcher) {
	c.mu.Lock()
	c.watchers[w] = struct{}{}
	c.mu.Unlock()
}

func (c *Conn) unwatch(w *watcher) {
	c.mu.Lock()
	delete(c.watchers, w)
	c.mu.Unlock()
}

func (c *Conn) tell(which func(*watcher) func()) {
	c.mu.Lock()
	calls := make([]func(), 0, len(c.watchers))
	for w := range c.watchers {
		if f := which(w); f != nil {
			calls = append(calls, f)
		}
	}
	c.mu.Unlock()
	for _, f := range calls {
		f()
	}
}

// Close ends the connection. What was sent is flushed; puts still in flight end
// with ErrClosed before it returns.
func (c *Conn) Close() {
	c.closing.Store(true)
	c.nc.Close()
	<-c.closed
	c.onClose()
}

// Flush returns when the server has seen everything sent so far.
func (c *Conn) Flush(ctx context.Context) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	return wireError(c.nc.FlushWithContext(ctx))
}

// Settle returns when all that came for a [Puller] that was stopped is given back, and the
// server has seen everything sent so far. A connection that is closed before may take
// messages with it: nobody else gets them before AckWait has passed. ErrTimeout says that it
// did not come so far before ctx ended.
func (c *Conn) Settle(ctx context.Context) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	c.mu.Lock()
	if c.draining > 0 && c.drained == nil {
		c.drained = make(chan struct{})
	}
	drained := c.drained
	c.mu.Unlock()
	if drained != nil {
		select {
		case <-drained:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
		}
	}
	return c.Flush(ctx)
}

// drain ends a subscription when what is on its way has come.
func (c *Conn) drain(sub *nats.Subscription) {
	c.mu.Lock()
	c.draining++
	c.mu.Unlock()
	ended := sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.draining--; c.draining == 0 && c.drained != nil {
			close(c.drained)
			c.drained = nil
		}
	})
	sub.SetClosedHandler(func(string) { ended() })
	if sub.Drain() != nil { // closed before: nothing comes any more
		ended()
	}
}

// Away returns for how long no server could be reached, 0 while one is connected.
func (c *Conn) Away() time.Duration {
	at := c.lost.Load()
	if at == 0 {
		return 0
	}
	return max(time.Nanosecond, time.Since(time.Unix(0, at)))
}

// Connected reports whether a server is connected now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Send publishes without an answer: to subscribers, not for storage.
func (c *Conn) Send(subject string, data []byte) error {
	return wireError(c.nc.Publish(subject, data))
}

// Subscribe calls f, one message at a time, for what is published on the subject
// from now on; data is f's to keep. A slow f loses messages beyond 64 MiB or half
// a million: it is for taps and advisories.
func (c *Conn) Subscribe(subject string, f func(subject string, data []byte)) (unsubscribe func(), err error) {
	sub, err := c.nc.Subscribe(subject, func(m *nats.Msg) { f(m.Subject, m.Data) })
	if err != nil {
		return nil, fmt.Errorf("subscribe %s: %w", subject, wireError(err))
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// bound gives a context without a deadline the connection's.
func (c *Conn) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.apiWait)
}

// wireError says in this package's words what nats.go met.
func wireError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrBadSubscription), errors.Is(err, nats.ErrConnectionDraining):
		return fmt.Errorf("connection: %w", ErrClosed)
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrDisconnected):
		return ErrDisconnected
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("message: %w", ErrTooLarge)
	}
	return err
}
