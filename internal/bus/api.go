package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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
	m, err := c.nc.RequestWithContext(ctx, apiPrefix+subject, body)
	if err != nil {
		return fmt.Errorf("request %s: %w", subject, wireError(err))
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

// isAbsent reports whether an error says that a stream or consumer does not exist.
func isAbsent(err error) bool { return errors.Is(err, ErrNoStream) || errors.Is(err, ErrGone) }

// noResponders reports whether nobody serves the subject of a request.
func noResponders(err error) bool { return errors.Is(err, nats.ErrNoResponders) }
