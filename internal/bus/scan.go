package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Scan calls f for every message stored now under the filter ("" for all) with a
// sequence of at least fromSeq, in order, and returns. Messages stored meanwhile may
// or may not be among them. An error of f ends it and is returned.
func (c *Conn) Scan(ctx context.Context, stream, filter string, fromSeq uint64, f func(*Stored) error) error {
	done := make(chan error, 1)
	var once sync.Once
	end := func(err error) { once.Do(func() { done <- err }) }
	stopped := false // owned by the reader's callbacks
	r := &reader{c: c, stream: stream, filter: filter, from: fromSeq, deliver: func(m *Stored) bool {
		if stopped {
			return false
		}
		if err := f(m); err != nil {
			stopped = true
			end(err)
			return false
		}
		return true
	}, drained: func() { end(nil) }, gone: end}
	if err := r.start(ctx); err != nil {
		return fmt.Errorf("scan %s: %w", stream, err)
	}
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = fmt.Errorf("scan %s: %w", stream, ctx.Err())
	}
	r.stop()
	return err
}

// Tail is Scan that goes on with what is stored later, until stop is called or the
// stream is deleted. f is called from one goroutine, in order, each message once,
// over reconnects too; messages that were removed before they were read are left
// out. stop returns when f does not run any more; it must not be called from f.
func (c *Conn) Tail(ctx context.Context, stream, filter string, fromSeq uint64, f func(*Stored)) (stop func(), err error) {
	r := &reader{c: c, stream: stream, filter: filter, from: fromSeq, live: true,
		deliver: func(m *Stored) bool { f(m); return true },
		gone: func(err error) {
			if !errors.Is(err, ErrClosed) {
				c.log.Warn("tail ended", "stream", stream, "err", err)
			}
		}}
	if err := r.start(ctx); err != nil {
		return nil, fmt.Errorf("tail %s: %w", stream, err)
	}
	return r.stop, nil
}
