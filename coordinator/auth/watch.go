package auth

import (
	"context"
	"sync"

	"sluice/coordinator"
)

// watch is a session whose principal may stop being good.
type watch struct {
	p     coordinator.Principal
	ended chan struct{}
}

// Watch returns a channel that is closed within 5 s when the principal's key is revoked, when
// the key or token expires, or when the store no longer says that it is good. The caller ends
// the session then. stop is called when the session is over; it may be called twice. Only
// while [Auth.Run] runs is anything told.
func (a *Auth) Watch(p coordinator.Principal) (ended <-chan struct{}, stop func()) {
	w := &watch{p, make(chan struct{})}
	if d := a.desks[p.Project]; d != nil && p.Key != "" {
		d.keys.confirm(context.Background())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.good(&p) {
		close(w.ended)
		return w.ended, func() {}
	}
	a.watches[w] = struct{}{}
	return w.ended, sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watches, w)
	})
}

// look ends the watches of those who are not good any more. A process that stood still asks the
// store before it ends those of all.
func (a *Auth) look(ctx context.Context) {
	a.mu.Lock()
	n := len(a.watches)
	a.mu.Unlock()
	if n > 0 {
		a.confirm(ctx, a.order...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.watches {
		if !a.good(&w.p) {
			close(w.ended)
			delete(a.watches, w)
		}
	}
}
