package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// Bounds of a page.
const (
	defaultPage = 100
	maxPage     = 1000
	chunk       = 1000   // entries that are read at once
	maxRead     = 20_000 // for one page, which is short when so many hold no more that match
	// readFor is how long one page reads: it is short, too, where the store is slow.
	readFor = 400 * time.Millisecond
)

var errEnough = errors.New("enough")

// List returns entries that a filter lets through, newest first. It reads the log backwards, at
// most 20,000 entries, or for 400 ms, for one page, which then has fewer entries than asked for,
// and a Next.
func (l *Log) List(ctx context.Context, f coordinator.AuditFilter) (coordinator.AuditPage, error) {
	page := coordinator.AuditPage{Entries: []coordinator.AuditEntry{}}
	switch {
	case f.Limit < 0 || f.Limit > maxPage:
		return page, coordinator.Faultf(coordinator.Invalid, "limit %d: 1 to %d", f.Limit, maxPage)
	case f.Limit == 0:
		f.Limit = defaultPage
	}
	state, err := l.cfg.Conn.StreamState(ctx, Stream)
	if err != nil {
		return page, unread(err)
	}
	before := state.Last + 1
	if f.Before > 0 {
		before = min(before, f.Before)
	}
	began := time.Now()
	for read := 0; before > state.First && before > 1; read += chunk {
		if read >= maxRead || time.Since(began) > readFor {
			page.Next = before
			return page, nil
		}
		from := max(state.First, 1)
		if before > from+chunk {
			from = before - chunk
		}
		entries, err := l.read(ctx, from, before)
		if err != nil {
			return page, unread(err)
		}
		for _, e := range slices.Backward(entries) {
			if !f.Since.IsZero() && e.At.Before(f.Since.Add(-slack)) {
				return page, nil
			}
			if !f.Matches(&e) {
				continue
			}
			if len(page.Entries) == f.Limit {
				page.Next = page.Entries[f.Limit-1].ID
				return page, nil
			}
			page.Entries = append(page.Entries, e)
		}
		before = from
	}
	return page, nil
}

// slack is by how much the time of an entry may be out of the log's order: coordinators' clocks
// differ, and an entry may have waited for the store.
const slack = 10 * time.Minute

// read reads the entries from a number to below another.
func (l *Log) read(ctx context.Context, from, before uint64) ([]coordinator.AuditEntry, error) {
	var entries []coordinator.AuditEntry
	err := l.cfg.Conn.Scan(ctx, Stream, "", from, func(m *bus.Stored) error {
		if m.Seq >= before {
			return errEnough
		}
		var e coordinator.AuditEntry
		if err := bus.DecodeRecord(m.Data, &e); err != nil {
			l.log.Error("an audit entry does not decode", "id", m.Seq, "err", err)
			return nil
		}
		e.ID = m.Seq
		entries = append(entries, e)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return entries, err
}

func unread(err error) error {
	return coordinator.Faultf(coordinator.Unavailable, "the audit log can't be read now: %w", err)
}
