package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// Bounds of what serves requests.
const (
	// serveAtOnce is how many requests of one Serve are answered at the same time.
	serveAtOnce = 16
	// serveFor bounds the answering of one; who asks has given up by then.
	serveFor = DefaultRequestTimeout
	// serveWaiting is how many more may wait, and serveWaitingBytes what they may hold
	// together. Beyond it they are lost, and who asked runs into its deadline.
	serveWaiting      = 1024
	serveWaitingBytes = 64 << 20
	// maxRefusal bounds the text of a refusal.
	maxRefusal = 1 << 10
)

// hdrRefusal marks an answer as a refusal; the answer's body is the text.
const hdrRefusal = "Sluice-Refusal"

// ErrNobody says that nobody serves the subject of a request now: it was not carried out.
var ErrNobody = errors.New("nobody answers")

// Refusal is the error that a server's function returned to a request.
type Refusal struct{ Text string }

// Error implements error.
func (r *Refusal) Error() string { return r.Text }

// Request asks who serves the subject, and returns the answer. Where ctx has no deadline it is
// DefaultRequestTimeout. Errors: ErrNobody, a [Refusal] with what the server's function said,
// ErrTimeout (also ErrDisconnected; whether it was carried out is unknown), ErrTooLarge and
// ErrClosed.
func (c *Conn) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	m, err := c.nc.RequestWithContext(ctx, subject, data)
	switch {
	case noResponders(err):
		return nil, fmt.Errorf("request %s: %w", subject, ErrNobody)
	case errors.Is(err, context.Canceled):
		return nil, fmt.Errorf("request %s: %w: %w", subject, ErrTimeout, err)
	case err != nil:
		return nil, fmt.Errorf("request %s: %w", subject, wireError(err))
	case m.Header.Get(hdrRefusal) != "":
		return nil, fmt.Errorf("request %s: %w", subject, &Refusal{string(m.Data)})
	}
	return m.Data, nil
}

// Serve answers what is asked on the subject, which may have wildcards, with what f returns;
// its error goes to who asked as a [Refusal], cut to 1 KiB, so it must not hold a secret. Of all
// that serve with the same queue, one gets each request; with an empty queue all do, and the
// first answer counts. 16 requests are answered at once, another 1,024 wait. f's context ends
// after DefaultRequestTimeout or by stop, and a message that wants no answer is served too.
// stop returns when f does not run any more; it must not be called from f. The server hears of
// it a little later than Serve returns; [Conn.Flush] waits for that.
func (c *Conn) Serve(subject, queue string, f func(ctx context.Context, subject string, data []byte) ([]byte, error)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	slots := make(chan struct{}, serveAtOnce)
	var running sync.WaitGroup
	var mu sync.Mutex
	stopped := false // guarded by mu, as is the start of each answer
	take := func(m *nats.Msg) {
		select {
		case slots <- struct{}{}: // what is behind it waits in the subscription
		case <-ctx.Done():
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			return
		}
		running.Add(1)
		go func() { // ends with f, whose context has a deadline
			defer func() { <-slots; running.Done() }()
			answerRequest(ctx, m, f)
		}()
	}
	sub, err := c.nc.QueueSubscribe(subject, queue, take)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("serve %s: %w", subject, wireError(err))
	}
	if err := sub.SetPendingLimits(serveWaiting, serveWaitingBytes); err != nil {
		cancel()
		return nil, fmt.Errorf("serve %s: %w", subject, wireError(err))
	}
	return func() {
		_ = sub.Unsubscribe()
		mu.Lock()
		stopped = true
		mu.Unlock()
		cancel()
		running.Wait()
	}, nil
}

// answerRequest has one request answered.
func answerRequest(ctx context.Context, m *nats.Msg, f func(context.Context, string, []byte) ([]byte, error)) {
	ctx, cancel := context.WithTimeout(ctx, serveFor)
	defer cancel()
	data, err := f(ctx, m.Subject, m.Data)
	if m.Reply == "" {
		return
	}
	answer := nats.NewMsg(m.Reply)
	answer.Data = data
	if err != nil {
		text := err.Error()
		answer.Data = []byte(text[:min(len(text), maxRefusal)])
		answer.Header.Set(hdrRefusal, "1")
	}
	if err := m.RespondMsg(answer); errors.Is(err, nats.ErrMaxPayload) {
		answer.Data = []byte("the answer is larger than a message")
		answer.Header.Set(hdrRefusal, "1")
		_ = m.RespondMsg(answer)
	}
}
