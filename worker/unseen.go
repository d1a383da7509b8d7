package worker

import (
	"context"
	"time"
)

// unseen finds out that a message was handed out to this reign and never came: a server that dies
// between the two, or a link that is cut, takes it along. Nothing hands it out again, since the
// frames of an ordered step are held for as long as their turn takes; so, while nothing happens, the
// consumers are asked how many they take to be in hand, and that is held against those that are.
type unseen struct {
	events  uint64        // that the loop has handled
	at      time.Time     // of the last one that was no delivery, or of the last look
	wait    time.Duration // until the next look
	asking  bool
	suspect bool // the look before has found one too many, and nothing but deliveries happened since
}

// Looks are as far apart as this, and farther the longer nothing happens.
const (
	unseenFirst  = 2 * time.Second
	unseenMost   = time.Minute
	unseenWithin = 5 * time.Second // of one look
)

// happened notes that the loop has handled something, other than that time has passed or that a frame
// has come.
func (u *unseen) happened() {
	u.events++
	u.at, u.wait, u.suspect = time.Now(), unseenFirst, false
}

// came notes that a frame has come, which does not say that the one comes which is missed.
func (u *unseen) came() { u.events++ }

// look asks the consumers when it is time for it. The answer comes as evUnseen: its id is the number
// of events at the time of the question.
func (l *ownerLoop) look(ctx context.Context) {
	u := &l.unseen
	if u.asking || time.Since(u.at) < u.wait {
		return
	}
	u.asking = true
	inHand := make([]int, len(l.edges))
	for _, h := range l.hand {
		if h.msg != nil {
			inHand[h.edge]++
		}
	}
	for i, m := range l.late.held {
		if m != nil {
			inHand[i]++
		}
	}
	events := u.events
	go func() { // ends with the looks, which have a deadline
		ctx, cancel := context.WithTimeout(ctx, unseenWithin)
		defer cancel()
		e := event{kind: evUnseen, seq: events}
		for i, p := range l.pullers {
			n, err := p.InHand(ctx)
			if err == nil && n > inHand[i] {
				e.part = n - inHand[i]
			}
		}
		l.box.post(e)
	}()
}

// saw takes the answer: two in a row, and nothing but deliveries between them, say that something
// never came. Then the reign begins again, with consumers that hand out all that is stored.
func (l *ownerLoop) saw(e *event) error {
	u := &l.unseen
	u.asking = false
	if e.seq != u.events { // what happened meanwhile may be what was missing
		return nil
	}
	switch {
	case e.part == 0:
		u.suspect, u.wait = false, min(2*u.wait, unseenMost)
	case u.suspect:
		l.job.log.Warn("frames were handed out and never came; all that wait are asked for again", "step", l.step.Node, "frames", e.part)
		return errRestart
	default:
		u.suspect, u.wait = true, unseenFirst
	}
	u.at = time.Now()
	return nil
}
