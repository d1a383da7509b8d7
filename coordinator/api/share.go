package api

import (
	"sync"

	"sluice/coordinator"
	"sluice/coordinator/auth"
)

// What a user may have open at the same time of one operation that may last, unless the
// operation's metaShare says otherwise: what a project has of it, others need, too.
const (
	longShare = 64
	tapShare  = 8 // of tap.MaxTaps
)

// shares counts what is open. The zero value works.
type shares struct {
	mu   sync.Mutex
	open map[shareKey]int // guarded by mu; none is 0
}

type shareKey struct{ who, operation string }

// enter counts a request in, and returns what counts it out; or the fault that so many are open.
func (s *shares) enter(p coordinator.Principal, operation string, most int) (leave func(), err error) {
	key := shareKey{auth.ByPrincipal(p), operation}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[key] >= most {
		f := coordinator.Faultf(coordinator.OverLimit, "%s has %d requests of %s open already", p.Name, most, operation)
		f.Hint = "close one, or ask again later"
		return nil, f
	}
	if s.open == nil {
		s.open = map[shareKey]int{}
	}
	s.open[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[key]--; s.open[key] == 0 {
			delete(s.open, key)
		}
	}, nil
}
