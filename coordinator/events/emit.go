package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

const (
	batch    = 64                     // events that are stored at the same time
	retry    = 100 * time.Millisecond // before a second attempt, up to retryMax
	retryMax = 3 * time.Second
	tellDrop = 5 * time.Second // between two events that tell of dropped ones
)

// Emit takes an event, to be stored soon; its ID is not used, and its Data must not be changed
// any more. It never waits. While the store does not keep up the oldest events of progress are
// dropped, then the oldest of all; that is counted, and told by an event of its own.
func (l *Log) Emit(e coordinator.Event) { l.queue.put(tidy(e)) }

// Dropped returns how many events were dropped since the log was opened.
func (l *Log) Dropped() (progress, others uint64) {
	d := l.queue.dropped()
	return d.progress, d.others
}

// store stores what is queued until the log is closed.
func (l *Log) store() {
	defer close(l.done)
	var told dropped
	var at time.Time
	for {
		events, more := l.queue.take(batch)
		if len(events) > 0 && !l.put(events) || !more {
			break
		}
		l.queue.stored()
		if now := l.queue.dropped(); now != told && time.Since(at) >= tellDrop {
			l.tell(told, now)
			told, at = now, time.Now()
		}
	}
	if now := l.queue.dropped(); now != told {
		l.log.Warn("events were dropped", "progress", now.progress-told.progress, "others", now.others-told.others)
	}
}

// tell says what was dropped, now that the store takes events again.
func (l *Log) tell(before, now dropped) {
	progress, others := now.progress-before.progress, now.others-before.others
	l.log.Warn("events were dropped", "progress", progress, "others", others)
	l.Emit(coordinator.Event{Type: coordinator.EventError, Level: coordinator.LevelWarning,
		Text: fmt.Sprintf("the store of events did not keep up: %d of progress and %d others were dropped", progress, others)})
}

// put stores events in their order, again until each is, or the log is closed. An attempt whose
// answer is lost may have been stored: the message's id makes the next one no second event.
func (l *Log) put(events []coordinator.Event) bool {
	puts := make([]bus.Put, 0, len(events))
	for i := range events {
		data, err := encode(&events[i])
		if err != nil {
			l.log.Error("an event does not encode", "job", events[i].Job, "type", events[i].Type, "err", err)
			continue
		}
		n := l.sent.Add(1)
		p := bus.Put{Subject: subject(&events[i], l.turn(&events[i])), Data: data, Stream: Stream, MsgID: l.name + strconv.FormatUint(n, 36),
			Rollup: events[i].Type == coordinator.EventProgress && !events[i].Once}
		if events[i].Once {
			p.ExpectSubjectSeq = new(uint64)
		}
		puts = append(puts, p)
	}
	for wait := retry; ; wait = min(2*wait, retryMax) {
		var err error
		if puts, err = l.attempt(puts); len(puts) == 0 {
			return true
		}
		l.log.Debug("events are stored again", "events", len(puts), "err", err)
		select {
		case <-l.quit:
			return false
		case <-time.After(wait):
		}
		if errors.Is(err, bus.ErrNoStream) {
			l.restore()
		}
	}
}

// maxTurns bounds the jobs whose turns are remembered; to begin again does no harm.
const maxTurns = 10_000

// turn counts a job's events of progress. The loop of store alone calls it.
func (l *Log) turn(e *coordinator.Event) uint64 {
	if e.Type != coordinator.EventProgress {
		return 0
	}
	if len(l.turns) >= maxTurns {
		clear(l.turns)
	}
	l.turns[e.Job]++
	return l.turns[e.Job]
}

// attempt stores messages and returns those to be tried again, with what went wrong.
func (l *Log) attempt(puts []bus.Put) (again []bus.Put, err error) {
	outcomes := make([]bus.Outcome, len(puts))
	var all sync.WaitGroup
	all.Add(len(puts))
	for i := range puts {
		l.pub.Put(puts[i], func(o bus.Outcome) { outcomes[i] = o; all.Done() })
	}
	all.Wait() // each has its outcome within the connection's timeout
	for i, o := range outcomes {
		switch {
		case o.Err == nil:
		case errors.Is(o.Err, bus.ErrConflict): // it is there, by another coordinator or an attempt before
		case errors.Is(o.Err, bus.ErrTooLarge):
			l.log.Error("an event is too large to be stored", "subject", puts[i].Subject, "err", o.Err)
		default:
			again, err = append(again, puts[i]), o.Err
		}
	}
	return again, err
}

// restore makes the stream again where somebody has deleted it, and follows the new one. While
// a cluster elects a leader it does nothing.
func (l *Log) restore() {
	ctx, cancel := context.WithTimeout(context.Background(), retryMax)
	defer cancel()
	err := ensure(ctx, &l.cfg)
	var state bus.StreamState
	if err == nil {
		state, err = l.conn.StreamState(ctx, Stream)
	}
	if err == nil && l.hub.renew(state.Last) {
		l.stop()
		l.stop, err = l.conn.Tail(context.Background(), Stream, "", state.Last+1, l.follow)
	}
	if err != nil {
		l.log.Warn("the stream of events is not there", "err", err)
	}
}
