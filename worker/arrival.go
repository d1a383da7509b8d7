package worker

import (
	"context"

	"sluice/internal/protocol"
)

// effect makes the effect of a frame happen at a sink that takes frames as they arrive:
// the instance that took the records is flushed. A frame whose verdict is another one has
// none, and an instance that holds its records is given up with them.
func (l *relayLoop) effect(ctx context.Context, id protocol.ID, v protocol.Verdict) {
	if v != protocol.Run {
		l.giveUp(id)
	}
	in := l.hand[id].inst
	if in == nil {
		l.m.Effected(id, l.now())
		return
	}
	l.hand[id].inst = nil
	go func() {
		defer l.job.atWork()()
		err := in.flush(ctx)
		l.box.post(event{kind: evEffected, id: id, inst: in, err: err})
	}()
}

// giveUp frees the slot of a frame that is over without an effect: a copy of one that
// others have done. The instance holds its records, and is given up with them.
func (l *relayLoop) giveUp(id protocol.ID) {
	h := l.hand[id]
	if h == nil || h.inst == nil {
		return
	}
	h.inst.close()
	h.inst = nil
	l.free(nil)
}
