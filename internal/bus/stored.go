package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// Stored is a message as a stream holds it.
type Stored struct {
	Subject string
	Data    []byte
	Seq     uint64
	Time    time.Time
}

// Last returns the last message of the subject, ErrNotFound when there is none.
// Where replicas answer, what it returns may be older than the last write, but a
// subject that holds something is never reported empty.
func (c *Conn) Last(ctx context.Context, stream, subject string) (*Stored, error) {
	m, err := c.direct(ctx, stream, "."+subject, nil)
	if m == nil {
		m, err = c.fromLeader(ctx, stream, map[string]any{"last_by_subj": subject})
	}
	if err != nil {
		return nil, fmt.Errorf("last of %s: %w", subject, err)
	}
	return m, nil
}

// Latest is Last as the stream's leader answers it: what was written before it was asked
// is seen.
func (c *Conn) Latest(ctx context.Context, stream, subject string) (*Stored, error) {
	m, err := c.fromLeader(ctx, stream, map[string]any{"last_by_subj": subject})
	if err != nil {
		return nil, fmt.Errorf("last of %s: %w", subject, err)
	}
	return m, nil
}

// At returns the message with the sequence, ErrNotFound when it is not stored.
func (c *Conn) At(ctx context.Context, stream string, seq uint64) (*Stored, error) {
	request := map[string]any{"seq": seq}
	m, err := c.direct(ctx, stream, "", request)
	if m == nil {
		m, err = c.fromLeader(ctx, stream, request)
	}
	if err != nil {
		return nil, fmt.Errorf("message %d of %s: %w", seq, stream, err)
	}
	return m, nil
}

// Next returns the first message of the subject with a sequence of at least seq,
// ErrNotFound when there is none.
func (c *Conn) Next(ctx context.Context, stream, subject string, seq uint64) (*Stored, error) {
	request := map[string]any{"seq": max(seq, 1), "next_by_subj": subject}
	m, err := c.direct(ctx, stream, "", request)
	if m == nil {
		m, err = c.fromLeader(ctx, stream, request)
	}
	if err != nil {
		return nil, fmt.Errorf("next of %s: %w", subject, err)
	}
	return m, nil
}

// direct reads from any replica. It returns nil without a message when the leader
// has to be asked: nothing found, or the stream does not allow it.
func (c *Conn) direct(ctx context.Context, stream, suffix string, request any) (*Stored, error) {
	c.mu.Lock()
	indirect := c.indirect[stream]
	c.mu.Unlock()
	if indirect {
		return nil, nil
	}
	var body []byte
	if request != nil {
		b, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		body = b
	}
	bounded, cancel := c.bound(ctx)
	defer cancel()
	m, err := c.ask(bounded, apiPrefix+"DIRECT.GET."+stream+suffix, body)
	if noResponders(err) {
		c.mu.Lock()
		c.indirect[stream] = true
		c.mu.Unlock()
	}
	if err != nil {
		return nil, wireError(err)
	}
	return parseDirect(m)
}

func parseDirect(m *nats.Msg) (*Stored, error) {
	if status := m.Header.Get(hdrStatus); status != "" {
		return nil, fmt.Errorf("%w: status %s %s", ErrNotFound, status, m.Header.Get(hdrDescription))
	}
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("sequence of the answer: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return nil, fmt.Errorf("time of the answer: %w", err)
	}
	return &Stored{Subject: m.Header.Get("Nats-Subject"), Data: m.Data, Seq: seq, Time: at}, nil
}

// fromLeader reads by the API, which only a stream's leader answers.
func (c *Conn) fromLeader(ctx context.Context, stream string, request any) (*Stored, error) {
	var answer struct {
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := c.api(ctx, "STREAM.MSG.GET."+stream, request, &answer); err != nil {
		if errors.Is(err, ErrNoStream) {
			c.mu.Lock()
			delete(c.indirect, stream)
			c.mu.Unlock()
		}
		return nil, err
	}
	m := answer.Message
	return &Stored{Subject: m.Subject, Data: m.Data, Seq: m.Seq, Time: m.Time}, nil
}
