package main

import (
	"context"
	"net"
	"os"
	"os/signal"
	"sync"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/term"

	"sluice/internal/endpoint"
)

// hearing is what a service is told by signals beside its end: by SIGHUP, to read again what can
// change while it runs. One on a terminal is told by it that the terminal was closed, and ends.
type hearing struct {
	log hclog.Logger

	mu  sync.Mutex
	lns []net.Listener // guarded by mu
}

// untilTold returns a context that ends at the first Ctrl-C or SIGTERM, and calls said then; a
// second one ends the process at once.
func untilTold(parent context.Context, log hclog.Logger, said func()) (context.Context, context.CancelFunc, *hearing) {
	ctx, cancel := context.WithCancel(parent)
	t := &hearing{log: log}
	end, again := make(chan os.Signal, 2), make(chan os.Signal, 1)
	list := endings()
	if hangUp != nil && !term.IsTerminal(int(os.Stdin.Fd())) {
		list = asked()
		signal.Notify(again, hangUp)
	}
	signal.Notify(end, list...)
	go func() {
		for {
			select {
			case <-again:
				t.reread()
				continue
			case <-end:
				signal.Stop(end)
				said()
				cancel()
			case <-ctx.Done():
			}
			return
		}
	}()
	return ctx, cancel, t
}

// rereads adds a listener whose certificate may be renewed.
func (t *hearing) rereads(ln net.Listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lns = append(t.lns, ln)
}

func (t *hearing) reread() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log.Info("told by SIGHUP to read certificates again; all other settings are those of the start", "listeners", len(t.lns))
	for _, ln := range t.lns {
		endpoint.Reread(ln)
	}
}
