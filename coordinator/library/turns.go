package library

import (
	"context"
	"runtime"
	"time"

	"sluice/coordinator"
)

// How long a recipe waits for its turn to be compiled, and when it is to be compiled, that wait
// included: a request is to be answered within a second.
const (
	TurnWait   = 400 * time.Millisecond
	CompileFor = 800 * time.Millisecond
)

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

// Turn waits for a turn to compile something in. It is over when end is called; ctx ends when it
// is to be. Where none comes the fault is coordinator.Unavailable.
func (l *Library) Turn(ctx context.Context) (turn context.Context, end func(), err error) {
	turn, cancel := context.WithTimeout(ctx, l.cfg.CompileFor)
	leave, err := l.cfg.Turns.take(turn)
	if err != nil {
		cancel()
		return ctx, nil, err
	}
	return turn, func() { leave(); cancel() }, nil
}

// late is the fault of a recipe whose turn ended before it was compiled.
func (l *Library) late(label string) error {
	f := coordinator.Faultf(coordinator.Unavailable, "%s was not compiled within %v, which is as long as a recipe may take", label, l.cfg.CompileFor)
	f.Hint = "ask again in a moment; where that does not help make it smaller: fewer nodes, or shorter expressions and patterns"
	return f
}
