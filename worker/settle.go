package worker

import (
	"context"
	"errors"
	"time"

	"sluice/internal/protocol"
)

// settleFor is how long a loop that stops goes on with what it has in hand.
const settleFor = time.Second

// settle brings what is in hand to its end where that is near: what was computed is
// committed, published and acknowledged. What is not is given back by close. It returns
// the failpoint that struck, if one did.
func (l *relayLoop) settle(asks context.Context) error {
	deadline := time.NewTimer(settleFor)
	defer deadline.Stop()
	for {
		err := l.carryOut(asks)
		for _, c := range l.queue { // no frame is begun any more
			l.giveBack(c.id)
		}
		l.queue = nil
		if err != nil || len(l.hand) == 0 {
			return err
		}
		select {
		case <-deadline.C:
			return nil
		case <-l.box.wake:
			for _, e := range l.box.take(nil) {
				if err := l.settled(&e); err != nil {
					return err
				}
			}
		}
	}
}

// settled takes an event while the loop settles.
func (l *relayLoop) settled(e *event) error {
	switch e.kind {
	case evDeliver:
		e.msg.Nak(0)
		return nil
	case evGone, evLevels:
		return nil
	}
	err := l.handle(e)
	var k killed
	switch {
	case err == nil || errors.As(err, &k):
		return err
	case e.kind == evComputed, e.kind == evEffected, e.kind == evLooked, e.kind == evMarked:
		l.giveBack(e.id)
		return nil
	}
	return err
}

// giveBack gives a frame up, for others to take.
func (l *relayLoop) giveBack(id protocol.ID) {
	h := l.hand[id]
	if h == nil {
		return
	}
	if h.inst != nil {
		h.inst.close()
	}
	h.msg.Nak(0)
	delete(l.hand, id)
}

// close gives up what the loop holds: frames go back to the broker at once, unless the
// loop was killed, as a process would be; instances that are at work are closed when they
// have done.
func (l *relayLoop) close(err error) {
	var k killed
	struck := errors.As(err, &k)
	for id, h := range l.hand {
		if !struck {
			l.giveBack(id)
		} else if h.inst != nil {
			h.inst.close()
		}
	}
	if !struck {
		l.late.flush()
	}
	l.box.close(func(e *event) {
		if e.msg != nil && !struck {
			e.msg.Nak(0)
		}
		if e.inst != nil {
			e.inst.close()
		}
	})
	for _, in := range l.idle {
		in.close()
	}
}
