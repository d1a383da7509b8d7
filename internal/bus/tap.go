package bus

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// Bounds of what waits for the function of a [Tap], which is not to wait for anything.
const (
	tapMessages = 4096
	tapBytes    = 16 << 20
)

// Tap hears what is published on a subject, stored or refused, and takes nothing from who reads
// the stream. It counts what it misses.
type Tap struct {
	c       *Conn
	sub     *nats.Subscription
	watch   *watcher
	dropped int // of those told already; owned by who calls Missed
	cut     atomic.Bool
}

// Tap calls f, one message at a time, for what is published on the subject from now on; data is
// f's to keep. f must not wait: behind 4,096 messages or 16 MiB others are missed.
func (c *Conn) Tap(subject string, f func(data []byte)) (*Tap, error) {
	t := &Tap{c: c}
	sub, err := c.nc.Subscribe(subject, func(m *nats.Msg) { f(m.Data) })
	if err != nil {
		return nil, fmt.Errorf("tap %s: %w", subject, wireError(err))
	}
	_ = sub.SetPendingLimits(tapMessages, tapBytes)
	t.sub = sub
	t.watch = &watcher{lost: func() { t.cut.Store(true) }}
	c.watch(t.watch)
	return t, nil
}

// Missed returns how many messages were missed since it was called last; unknown says that the
// connection was away meanwhile, and nobody knows how many more. Only one goroutine may call it.
func (t *Tap) Missed() (messages int, unknown bool) {
	if n, err := t.sub.Dropped(); err == nil {
		messages, t.dropped = n-t.dropped, n
	}
	return messages, t.cut.Swap(false)
}

// Drain ends the tap, and returns when f was called with all that was published before, as far
// as the server has it; ErrTimeout when ctx ends first.
func (t *Tap) Drain(ctx context.Context) error {
	ctx, cancel := t.c.bound(ctx)
	defer cancel()
	ended := make(chan struct{})
	t.sub.SetClosedHandler(func(string) { close(ended) })
	if err := t.sub.Drain(); err != nil {
		return wireError(err)
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
	}
}

// Close ends the tap.
func (t *Tap) Close() {
	t.c.unwatch(t.watch)
	_ = t.sub.Unsubscribe()
}
