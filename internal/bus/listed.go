package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"sluice/recipe"
)

// listedFor is how old the list of streams may be that jobs look into. Each job looks more than
// once a second, and a list has the streams of all jobs: one list for each look would cost the
// square of the number of jobs.
const listedFor = time.Second

// listed is the list of all streams as it was a moment ago.
type listed struct {
	mu    sync.Mutex // held while the server is asked: others wait for the answer
	at    time.Time  // guarded by mu, as all below; of the answer
	names []string
	err   error
}

// lists reports whether a stream was there within the last listedFor.
func (c *Conn) lists(ctx context.Context, names ...string) (missing string, err error) {
	l := &c.streams
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) > listedFor {
		l.names, l.err = c.Streams(ctx, "")
		l.at = time.Now()
		if ctx.Err() != nil { // the asker's own time was over, which is nothing to others
			l.at = time.Time{}
		}
	}
	if l.err != nil {
		return "", l.err
	}
	for _, n := range names {
		if _, found := slices.BinarySearch(l.names, n); !found {
			return n, nil
		}
	}
	return "", nil
}

// HasStream reports whether there was a stream of that name a second ago, or later.
func (c *Conn) HasStream(ctx context.Context, name string) (bool, error) {
	missing, err := c.lists(ctx, name)
	return err == nil && missing == "", err
}

// MissingStream returns the first of the job's streams that does not exist, "" when all do; late are
// the names of those that it has only since somebody asked for them. It
// may see a second late that one is gone; one that was just made is not missed.
func (c *Conn) MissingStream(ctx context.Context, n Names, plan *recipe.Plan, late ...string) (string, error) {
	all := append(n.Streams(plan), late...)
	missing, err := c.lists(ctx, all...)
	if err != nil || missing == "" {
		return "", err
	}
	for _, s := range all[slices.Index(all, missing):] { // the list may be older than they are
		if _, err := c.StreamState(ctx, s); errors.Is(err, ErrNoStream) {
			return s, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", nil
}
