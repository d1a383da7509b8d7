package events

import (
	"context"
	"errors"
	"io"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// maxRounds bounds how often a viewer that reads what is stored may find that more came than
// memory holds: it is too slow then.
const maxRounds = 100

// pageEntries are read from the stream at once, and then given to the viewer.
const pageEntries = 256

// errPage ends the reading of a page.
var errPage = errors.New("the page is full")

// wish says where a subscription begins and ends.
type wish struct {
	since  uint64
	last   int    // not 0: with so many of those up to mark, whatever since
	mark   uint64 // the last that was seen when it was asked for
	follow bool   // goes on with what comes
}

// Since returns the events behind the one with that id that are stored, and then those that
// come. 0 is all that is stored; so is an id that was never given out.
func (l *Log) Since(ctx context.Context, f coordinator.EventFilter, id uint64) (*Subscription, error) {
	return l.watch(ctx, f, wish{since: id, follow: true})
}

// Last is Since that begins with the last k of those that are stored now, 1 to the size of a
// viewer's buffer: however long it takes to find them, all that comes behind this call follows.
func (l *Log) Last(ctx context.Context, f coordinator.EventFilter, k int) (*Subscription, error) {
	return l.watch(ctx, f, wish{last: min(max(k, 1), l.cfg.Buffer), mark: l.hub.seen(), follow: true})
}

// Stored is Since that ends, with io.EOF, behind what is stored.
func (l *Log) Stored(ctx context.Context, f coordinator.EventFilter, id uint64) (*Subscription, error) {
	return l.watch(ctx, f, wish{since: id})
}

// watch starts a subscription; it ends with ctx or by Close.
func (l *Log) watch(ctx context.Context, f coordinator.EventFilter, w wish) (*Subscription, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if !l.hub.enter() {
		return nil, coordinator.Faultf(coordinator.OverLimit, "%d viewers see the events of this project already", maxViewers)
	}
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(l.life, cancel)
	s := &Subscription{log: l, filter: f, max: l.cfg.Buffer, end: cancel, last: w.since,
		news: make(chan struct{}, 1), space: make(chan struct{}, 1)}
	if err := l.beside(ctx, s); err != nil {
		unhook()
		cancel()
		l.hub.exit()
		return nil, err
	}
	context.AfterFunc(ctx, func() {
		unhook()
		s.fail(ErrClosed)
		l.hub.leave(s)
		l.hub.exit()
	})
	go l.replay(ctx, s, w)
	return s, nil
}

// replay gives a subscription what is stored, and then leaves it to the hub.
func (l *Log) replay(ctx context.Context, s *Subscription, w wish) {
	last, err := l.start(ctx, s, w)
	for more := !w.follow; more && err == nil; {
		last, more, err = l.read(ctx, s, last)
		if !more && err == nil {
			err = io.EOF
		}
	}
	for round := 0; err == nil; round++ {
		joined, covered, since, head := l.hub.join(s, last)
		switch {
		case joined:
			s.joined()
			return
		case round == maxRounds:
			err = ErrSlow
		case covered:
			err = s.pushAll(ctx, since)
			last = max(last, head)
		default:
			for more := true; more && err == nil; {
				last, more, err = l.read(ctx, s, last)
			}
		}
	}
	if ctx.Err() != nil {
		err = ErrClosed
	}
	s.fail(err)
}

// start returns the id behind which a subscription begins. To one that wants the last few it
// has given those.
func (l *Log) start(ctx context.Context, s *Subscription, w wish) (uint64, error) {
	if w.last > 0 {
		var few []*Entry
		_, err := l.scan(ctx, s, 0, func(e *Entry) error {
			if e.ID > w.mark {
				return errPage // the rest is what comes
			}
			if few = append(few, e); len(few) > w.last {
				few = few[1:]
			}
			return nil
		})
		if err != nil && !errors.Is(err, errPage) {
			return 0, err
		}
		return w.mark, s.pushAll(ctx, few)
	}
	if w.since <= l.hub.seen() {
		return w.since, nil
	}
	state, err := l.conn.StreamState(ctx, Stream)
	if err != nil {
		return 0, coordinator.Faultf(coordinator.Unavailable, "events: %w", err)
	}
	if w.since > state.Last {
		return 0, nil
	}
	return w.since, nil
}

// read gives a subscription a page of what is stored behind last, and returns up to where it
// has read and whether there may be more. While it waits for the viewer it reads nothing, so
// that a slow one keeps nobody else from reading.
func (l *Log) read(ctx context.Context, s *Subscription, last uint64) (to uint64, more bool, err error) {
	var page []*Entry
	bytes := 0
	to, err = l.scan(ctx, s, last, func(e *Entry) error {
		page = append(page, e)
		if bytes += e.size; len(page) == pageEntries || bytes > bufferBytes {
			return errPage
		}
		return nil
	})
	if errors.Is(err, errPage) {
		to, more, err = page[len(page)-1].ID, true, nil
	}
	if err == nil {
		err = s.pushAll(ctx, page)
	}
	return to, more, err
}

// scan calls f with each event behind last that is stored and wanted, and returns up to where
// it has read. Only a few subscriptions scan at the same time.
func (l *Log) scan(ctx context.Context, s *Subscription, last uint64, f func(*Entry) error) (uint64, error) {
	select {
	case l.replays <- struct{}{}:
		defer func() { <-l.replays }()
	case <-ctx.Done():
		return last, ctx.Err()
	}
	state, err := l.conn.StreamState(ctx, Stream)
	if err != nil {
		return last, coordinator.Faultf(coordinator.Unavailable, "events: %w", err)
	}
	to := max(last, state.Last)
	beside, err := l.arrivals(ctx, s, last, to)
	if err != nil {
		return last, coordinator.Faultf(coordinator.Unavailable, "events: %w", err)
	}
	give := func(before uint64) (err error) {
		for len(beside) > 0 && beside[0].ID < before && err == nil {
			err, beside = f(beside[0]), beside[1:]
		}
		return err
	}
	over := false
	err = l.conn.Scan(ctx, Stream, subjects(&s.filter), last+1, func(m *bus.Stored) error {
		if over = s.serves != nil && m.Seq > to; over { // of workers nothing is read behind that
			return errPage
		}
		to = max(to, m.Seq)
		e, err := read(m)
		if err != nil {
			l.log.Error("an event does not decode", "subject", m.Subject, "err", err)
			return nil
		}
		if !s.wants(e) {
			return nil
		}
		if err := give(e.ID); err != nil {
			return err
		}
		return f(e)
	})
	if over {
		err = nil
	}
	if err == nil {
		err = give(to + 1)
	}
	if err != nil && !errors.Is(err, errPage) {
		err = coordinator.Faultf(coordinator.Unavailable, "events: %w", err)
	}
	return to, err
}

// ignorePage is an error that is not the end of a page.
func ignorePage(err error) error {
	if errors.Is(err, errPage) {
		return nil
	}
	return err
}
