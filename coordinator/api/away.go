package api

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice/coordinator"
)

// What a route's operation says beside its path.
const (
	metaOpen    = "open"    // true: for everybody
	metaShare   = "share"   // an int instead of longShare
	metaSchemas = "schemas" // a huma.Registry that has those of its body; every route's
	metaWait    = "wait"    // a time.Duration instead of MaxWait; the key is watched while it lasts
)

func shareOf(o *huma.Operation) int {
	if n, ok := o.Metadata[metaShare].(int); ok {
		return n
	}
	return longShare
}

func waitOf(o *huma.Operation) time.Duration {
	if d, ok := o.Metadata[metaWait].(time.Duration); ok {
		return d
	}
	return MaxWait
}

const (
	// awayFor is how long no server of the store is reached before requests are not kept waiting for
	// one: another of a cluster is reached at once, and one that is started again soon.
	awayFor = 2 * time.Second
	// awayGrace is what a request has all the same, for what is answered from memory.
	awayGrace = 250 * time.Millisecond
	// retryAway is after how many seconds to ask again then. It is longer than the command line waits,
	// so that its user is told.
	retryAway = "10"
)

// errAway is what is said of a store that can't be reached.
var errAway = func() error {
	f := coordinator.Faultf(coordinator.Unavailable, "the store does not answer: no NATS server can be reached from the coordinator")
	f.Hint = awayHint
	return f
}()

const awayHint = "is nats-server running, and reached at the coordinator's --nats? the coordinator's log says more"

// away is for how long the store can't be reached: that of the project whose is away longest.
func (s *server) away() (longest time.Duration) {
	for _, p := range s.cfg.Projects {
		if p.Away != nil {
			longest = max(longest, p.Away())
		}
	}
	return longest
}

// bounded bounds the time of a request. One that is no stream and no transfer ends, with errAway,
// when the store can't be reached.
func (s *server) bounded(parent context.Context, o *huma.Operation) (context.Context, context.CancelFunc) {
	wait := waitOf(o)
	ctx, cancel := context.WithTimeout(parent, wait)
	if wait != MaxWait {
		return ctx, cancel
	}
	ctx, cut := context.WithCancelCause(ctx)
	looked := make(chan *time.Timer, 1)
	look := func() {
		timer, gone := <-looked, s.away()
		if gone >= awayFor {
			cut(errAway)
		} else if ctx.Err() == nil {
			timer.Reset(max(awayFor-gone, awayGrace))
		}
		looked <- timer
	}
	looked <- time.AfterFunc(max(awayFor-s.away(), awayGrace), look)
	return ctx, func() {
		cut(nil)
		cancel()
		timer := <-looked
		timer.Stop()
		looked <- timer
	}
}

// waited is what became of a request whose context ended first, nil where that is not why.
func waited(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	var f *coordinator.Fault
	if cause == nil || errors.As(err, &f) && f.Family != coordinator.Unavailable {
		return nil
	}
	if errors.As(cause, &f) {
		return cause
	}
	return nil
}
