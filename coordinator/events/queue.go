package events

import (
	"context"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// Late events of jobs that were forgotten are not stored any more: of so many of them, and for so
// long. Behind that, and behind the mark of a job that was deleted, its idempotency key may make
// another one of the same id.
const (
	maxForgotten = 1024
	forgottenFor = 10 * time.Minute
)

// dropped counts events that were dropped.
type dropped struct{ progress, others uint64 }

// queue holds what waits to be stored.
type queue struct {
	mu     sync.Mutex
	max    int
	events []coordinator.Event // oldest first; guarded by mu, as all below
	lost   dropped             //
	gone   []recipe.JobID      // the jobs that were forgotten last
	goneAt map[recipe.JobID]time.Time
	busy   chan struct{} // not nil: closed when what was taken is stored
	closed bool
	news   chan struct{} // holds one when there is something to take
}

func (q *queue) init(size int) {
	q.max, q.news, q.goneAt = size, make(chan struct{}, 1), map[recipe.JobID]time.Time{}
}

func (q *queue) put(e coordinator.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.isGone(e.Job) {
		return
	}
	if len(q.events) >= q.max {
		q.drop()
	}
	q.events = append(q.events, e)
	q.poke()
}

// isGone reports whether a job was forgotten not long ago. Called with mu held.
func (q *queue) isGone(job recipe.JobID) bool {
	at, known := q.goneAt[job]
	return known && time.Since(at) < forgottenFor
}

// drop makes room. Called with mu held.
func (q *queue) drop() {
	at := 0
	for i := range q.events {
		if q.events[i].Type == coordinator.EventProgress {
			at = i
			break
		}
	}
	if q.events[at].Type == coordinator.EventProgress {
		q.lost.progress++
	} else {
		q.lost.others++
	}
	copy(q.events[at:], q.events[at+1:])
	q.events[len(q.events)-1] = coordinator.Event{}
	q.events = q.events[:len(q.events)-1]
}

func (q *queue) poke() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

// take waits for events and returns up to n of them; more is false when the queue is closed
// and there are no others. Of a job it returns one state: a second one must not overtake it.
func (q *queue) take(n int) (events []coordinator.Event, more bool) {
	for {
		q.mu.Lock()
		states := map[recipe.JobID]bool{}
		for i := 0; i < len(q.events) && i < n; i++ {
			e := &q.events[i]
			if e.Type == coordinator.EventState {
				if states[e.Job] {
					break
				}
				states[e.Job] = true
			}
			events = append(events, *e)
		}
		q.events = append(q.events[:0:0], q.events[len(events):]...)
		more = !q.closed || len(q.events) > 0
		if len(events) > 0 {
			q.busy = make(chan struct{})
		}
		q.mu.Unlock()
		if len(events) > 0 || !more {
			return events, more
		}
		<-q.news
	}
}

// stored says that what was taken last is stored.
func (q *queue) stored() {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.busy)
	q.busy = nil
}

func (q *queue) dropped() dropped {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

// forget takes a job's events out, and takes none of it any more. It returns when none is on
// its way.
func (q *queue) forget(ctx context.Context, job recipe.JobID) error {
	q.mu.Lock()
	if _, known := q.goneAt[job]; !known {
		q.gone = append(q.gone, job)
		if len(q.gone) > maxForgotten {
			delete(q.goneAt, q.gone[0])
			q.gone = q.gone[1:]
		}
	}
	q.goneAt[job] = time.Now()
	kept := q.events[:0]
	for _, e := range q.events {
		if e.Job != job {
			kept = append(kept, e)
		}
	}
	clear(q.events[len(kept):])
	q.events = kept
	busy := q.busy
	q.mu.Unlock()
	if busy == nil {
		return nil
	}
	select {
	case <-busy:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.poke()
}
