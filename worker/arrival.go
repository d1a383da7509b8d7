package worker

import (
	"context"

	"sluice/internal/protocol"
)

// effect makes the effect of a frame happen at a sink that takes frames as they arrive:
// the instance that took the records is flushed. A frame whose verdict is another one has
// none, and an instance that holds its records is given up with them.
func (l *relayLoop) effect(ctx context.Context, id protocol.ID, v protocol.Verdict) {
	in := l.hand[id].inst
	l.hand[id].inst = nil
	if in == nil {
		l.m.Effected(id, l.now())
		return
	}
	if v != protocol.Run {
		in.close()
		l.free(nil)
		l.m.Effected(id, l.now())
		return
	}
	go func() {
		defer l.job.atWork()()
		err := in.flush(ctx)
		l.box.post(event{kind: evEffected, id: id, inst: in, err: err})
	}()
}
