package store

import (
	"context"
	"errors"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// Current returns when the views have seen all that the store held when it was called. Who
// may not act on what is out of date asks it from time to time; where nothing is new it costs
// one request.
func (c *Control) Current(ctx context.Context) error {
	state, err := c.conn.StreamState(ctx, Stream)
	if err != nil {
		return unanswered(err)
	}
	for {
		c.mu.Lock()
		applied := c.applied
		c.mu.Unlock()
		if applied >= state.Last {
			return nil
		}
		// The last message may have expired before it was read here: then none comes.
		m, err := c.conn.Next(ctx, Stream, prefix+">", applied+1)
		switch {
		case errors.Is(err, bus.ErrNotFound):
			return nil
		case err != nil:
			return unanswered(err)
		case m.Seq > state.Last:
			return nil
		}
		if err := c.Seen(ctx, m.Seq); err != nil {
			return err
		}
	}
}

func unanswered(err error) error {
	return coordinator.Faultf(coordinator.Unavailable, "the store does not answer: %w", err)
}

// CreateFor is [Table.Create] of a record that the store removes by itself after ttl, in whole
// seconds and at least one. Views are not told of that removal.
func (t Table[T]) CreateFor(ctx context.Context, key string, v *T, ttl time.Duration) (rev uint64, err error) {
	data, err := bus.EncodeRecord(v)
	if err != nil {
		return 0, faultOf(err, t.name, key)
	}
	return t.c.put(ctx, t.name, key, data, 0, ttl)
}

// Take reads a record and removes it: of all who try, at any coordinator, one gets it, and the
// others the fault coordinator.Unknown. Where no answer came nobody may have it.
func (t Table[T]) Take(ctx context.Context, key string) (*T, error) {
	v, rev, err := t.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	_, err = t.c.put(ctx, t.name, key, nil, rev, takenFor)
	switch coordinator.FamilyOf(err) {
	case "":
		return v, nil
	case coordinator.Changed:
		return nil, faultOf(bus.ErrNotFound, t.name, key)
	}
	return nil, err
}

// takenFor is how long the mark of a record that was taken stays. Nothing rests on it.
const takenFor = time.Second
