package library

import (
	"context"
	"runtime"
	"time"

	"sluice/coordinator"
)

// TurnWait is how long a recipe waits for its turn to be compiled.
const TurnWait = 2 * time.Second

// Turns bound how many recipes are compiled at once, which each take a processor and memory in
// proportion to their nodes. Libraries may share them.
type Turns struct {
	free chan struct{}
	wait time.Duration
}

// NewTurns returns turns for so many at once, of which each is waited for so long; 0 is the
// number of processors, and TurnWait.
func NewTurns(n int, wait time.Duration) *Turns {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	if wait == 0 {
		wait = TurnWait
	}
	return &Turns{free: make(chan struct{}, n), wait: wait}
}

// take waits for a turn, and returns what ends it. Where none comes it is coordinator.Unavailable.
func (t *Turns) take(ctx context.Context) (end func(), err error) {
	timer := time.NewTimer(t.wait)
	defer timer.Stop()
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free }, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	f := coordinator.Faultf(coordinator.Unavailable, "the coordinator compiles %d recipes just now, as many as it does at once", cap(t.free))
	f.Hint = "ask again in a moment"
	return nil, f
}
