package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"sluice/internal/bus"
)

// The mark of a record that was removed goes away by itself. Who was cut off for so long, or
// stood still, has not seen it, and what comes next does not tell of it: then all that is stored
// is read once more.

// wall is the time that goes on while a machine sleeps.
func wall() time.Time { return time.Now().Round(0) }

// watch looks several times in the time of a mark that the views are up to date, and reads all
// again behind a gap in which marks may have gone. since is when they were.
func (c *Control) watch(ctx context.Context, since time.Time) {
	every := c.marks / 8
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at, err := wall(), c.current(ctx, every)
		if gap := at.Sub(since); err == nil && (gap > c.marks/2 || gap < 0) {
			if err = c.rescan(ctx); err == nil {
				c.log.Info("was cut off for long, and has read the control plane again", "for", gap)
			}
		}
		if err == nil {
			since = at
		}
	}
}

func (c *Control) current(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return c.Current(ctx)
}

// rescanWithin bounds the reading of all that is stored.
const rescanWithin = 2 * time.Minute

// rescan tells the views of records that are not stored any more.
func (c *Control) rescan(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rescanWithin)
	defer cancel()
	c.order.Lock()
	missing := maps.Clone(c.known)
	c.order.Unlock()
	err := c.conn.Scan(ctx, Stream, "", 0, func(m *bus.Stored) error {
		delete(missing, m.Subject)
		return nil
	})
	if err != nil {
		return err
	}
	for subject, rev := range missing {
		// It may have been written behind the place at which the scan was.
		_, err := c.conn.Latest(ctx, Stream, subject)
		switch {
		case errors.Is(err, bus.ErrNotFound):
			c.gone(subject, rev)
		case err != nil:
			return fmt.Errorf("read %s: %w", subject, err)
		}
	}
	return nil
}

// gone tells the views that a record was removed, unless they have seen a later one.
func (c *Control) gone(subject string, rev uint64) {
	c.order.Lock()
	defer c.order.Unlock()
	if c.known[subject] != rev {
		return
	}
	delete(c.known, subject)
	table, key, _ := strings.Cut(strings.TrimPrefix(subject, prefix), ".")
	c.mu.Lock()
	views := c.views[table]
	c.mu.Unlock()
	for _, f := range views {
		f(Change{Key: key, Rev: rev, At: time.Now()})
	}
}
