package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const apiPrefix = "$JS.API."

// api asks JetStream; request may be nil, answer may be nil.
func (c *Conn) api(ctx context.Context, subject string, request, answer any) error {
	var body []byte
	if request != nil {
		b, err := json.Marshal(request)
		if err != nil {
			return fmt.Errorf("request %s: %w", subject, err)
		}
		body = b
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	ask := c.nc.RequestWithContext
	if asks(subject) {
		ask = c.ask
	}
	sent := c.clock.local()
	m, err := ask(ctx, apiPrefix+subject, body)
	if err != nil {
		return fmt.Errorf("request %s: %w", subject, wireError(err))
	}
	if strings.HasPrefix(subject, "STREAM.INFO.") {
		c.answered(sent, m.Data)
	}
	if err := decodeError(m.Data); err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(m.Data, answer); err != nil {
		return fmt.Errorf("request %s: unreadable answer: %w", subject, err)
	}
	return nil
}

// Bounds of one try of a question. One that comes while a stream has no leader, or to a server
// that is going, is answered by nobody: not even when there is a leader again.
const (
	askFor     = time.Second // twice as long each time
	askForMost = 4 * time.Second
)

// asks reports whether an API request changes nothing, so that it can be sent again.
func asks(subject string) bool {
	for _, verb := range []string{"INFO", "STREAM.INFO.", "STREAM.NAMES", "STREAM.MSG.GET.", "CONSUMER.INFO.", "CONSUMER.NAMES."} {
		if strings.HasPrefix(subject, verb) {
			return true
		}
	}
	return false
}

// ask sends a request that changes nothing, again where no answer comes, until ctx ends.
func (c *Conn) ask(ctx context.Context, subject string, body []byte) (*nats.Msg, error) {
	for wait := askFor; ; wait = min(2*wait, askForMost) {
		try, cancel := context.WithTimeout(ctx, wait)
		m, err := c.nc.RequestWithContext(try, subject, body)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return m, err
		}
	}
}

// isAbsent reports whether an error says that a stream or consumer does not exist.
func isAbsent(err error) bool { return errors.Is(err, ErrNoStream) || errors.Is(err, ErrGone) }

// noResponders reports whether nobody serves the subject of a request.
func noResponders(err error) bool { return errors.Is(err, nats.ErrNoResponders) }
