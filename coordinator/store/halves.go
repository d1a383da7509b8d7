package store

import (
	"context"
	"errors"
	"time"

	"sluice/internal/bus"
)

// A record is removed by two marks, of which the second has a time, see [Table.Remove]. Who dies
// between them leaves one that never goes away.

// half is a mark that may be the first of the two.
type half struct {
	rev uint64
	at  time.Time
}

// halved notes a mark, until another one or a record comes behind it. Called with order held.
func (c *Control) halved(m *bus.Stored) {
	if _, second := c.halves[m.Subject]; second || len(m.Data) > 0 {
		delete(c.halves, m.Subject)
		return
	}
	c.halves[m.Subject] = half{m.Seq, m.Time}
}

// maxSwept bounds how many marks one sweep looks at.
const maxSwept = 1000

// Sweep gives marks of removed records a time that have none, since whoever wrote them died. It
// looks at those that are stored for longer than a mark is, so that it costs a question each, 1,000 at
// most. The leader calls it now and then; it may run on several coordinators at once.
func (c *Control) Sweep(ctx context.Context) error {
	c.order.Lock()
	due := map[string]half{}
	for subject, h := range c.halves {
		if len(due) < maxSwept && wall().Sub(h.at) > c.marks+c.marks/4 {
			due[subject] = h
		}
	}
	c.order.Unlock()
	for subject, h := range due {
		m, err := c.conn.Latest(ctx, Stream, subject)
		if err != nil && !errors.Is(err, bus.ErrNotFound) {
			return unanswered(err)
		}
		if err != nil || m.Seq != h.rev { // it had a time, or is none any more
			c.settled(subject, h)
			continue
		}
		out := c.pub.PutSync(ctx, bus.Put{Subject: subject, Stream: Stream, ExpectSubjectSeq: &h.rev, TTL: c.marks})
		if err := out.Err; err != nil && !errors.Is(err, bus.ErrConflict) {
			return unanswered(err)
		}
		c.settled(subject, h)
	}
	return nil
}

// settled forgets a mark, unless a later one was seen.
func (c *Control) settled(subject string, h half) {
	c.order.Lock()
	defer c.order.Unlock()
	if c.halves[subject] == h {
		delete(c.halves, subject)
	}
}
