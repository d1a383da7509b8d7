package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"sluice/nodes"
)

// interrupts returns a channel that is closed by the first Ctrl-C, SIGTERM or SIGHUP, or when
// gone is, and a context that the next one ends. A terminal that is closed may tell so twice.
func interrupts(parent context.Context, gone <-chan struct{}) (ctx context.Context, stop <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, endings()...)
	asked := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-gone:
		case <-ctx.Done():
			return
		}
		close(asked)
		for {
			select {
			case s := <-signals:
				if s == hangUp {
					continue
				}
				cancel()
			case <-ctx.Done():
			}
			return
		}
	}()
	return ctx, asked, func() { signal.Stop(signals); cancel() }
}

// outlet is the standard output of a job. When its reader is gone (sluice … | head) the job
// is brought to rest like by Ctrl-C, rather than killed by SIGPIPE with its temporary store
// left behind. What could not be written is not counted as printed.
type outlet struct {
	w    io.Writer
	once sync.Once
	gone chan struct{} // closed when nobody reads any more
}

// newOutlet takes over the standard output until release is called.
func newOutlet(w io.Writer) (o *outlet, release func()) {
	return &outlet{w: w, gone: make(chan struct{})}, keepPipes()
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		o.once.Do(func() { close(o.gone) })
		return n, nodes.Permanent(errClosed{})
	}
	return n, err
}

// errClosed is what a printer gets when nobody reads: like a full disk it is no fault of a
// record, and the job rests.
type errClosed struct{}

func (errClosed) Error() string { return "stdout was closed" }

func (errClosed) Is(target error) bool { return target == nodes.ErrNoRoom }
