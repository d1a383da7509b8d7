package store

import (
	"context"
	"errors"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// lateAfter is how long what was written may take to arrive by itself. The server that sent it
// may be gone, which is noticed only when it has been silent for long.
const lateAfter = 250 * time.Millisecond

// Current returns when the views have seen all that the store held when it was called. Who
// may not act on what is out of date asks it from time to time; where nothing is new it costs
// one request.
func (c *Control) Current(ctx context.Context) error {
	state, err := c.conn.StreamState(ctx, Stream)
	if err != nil {
		return unanswered(err)
	}
	return c.Seen(ctx, state.Last)
}

// Seen returns when the views have seen the revision: whoever wrote it reads it from now on. What
// does not arrive by itself is asked for.
func (c *Control) Seen(ctx context.Context, rev uint64) error {
	for {
		c.mu.Lock()
		applied, news := c.applied, c.news
		c.mu.Unlock()
		if applied >= rev {
			return nil
		}
		late := time.NewTimer(lateAfter)
		select {
		case <-news:
		case <-late.C:
			if err := c.catchUp(ctx, rev); err != nil {
				return err
			}
		case <-ctx.Done():
			late.Stop()
			return coordinator.Faultf(coordinator.Unavailable, "what was written is not seen yet: %w", ctx.Err())
		}
		late.Stop()
	}
}

func (c *Control) sofar() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied
}

// catchUp reads what is stored up to a revision that was, into the views.
func (c *Control) catchUp(ctx context.Context, rev uint64) error {
	for at := c.sofar(); at < rev; at = c.sofar() {
		m, err := c.conn.Next(ctx, Stream, prefix+">", at+1)
		switch {
		case errors.Is(err, bus.ErrNotFound):
			c.seen(rev) // it has expired, and there is nothing behind it
		case err != nil:
			return unanswered(err)
		default:
			c.apply(m)
		}
	}
	return nil
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
	return t.put(ctx, ctx, key, bus.Put{Data: data, ExpectSubjectSeq: new(uint64), TTL: ttl})
}

// Take reads a record and removes it: of all who try, at any coordinator, one gets it, and the
// others the fault coordinator.Unknown. Where no answer came nobody may have it.
func (t Table[T]) Take(ctx context.Context, key string) (*T, error) {
	v, rev, err := t.Read(ctx, key)
	if err != nil {
		return nil, err
	}
	_, err = t.put(ctx, ctx, key, bus.Put{ExpectSubjectSeq: &rev, TTL: takenFor})
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
