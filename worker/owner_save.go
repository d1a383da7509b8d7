package worker

import (
	"context"
	"fmt"

	"sluice/internal/protocol"
	"sluice/nodes"
)

// save writes a checkpoint into the journal.
func (l *ownerLoop) save(ck *protocol.Checkpoint) error {
	if err := l.job.died(BeforeSave, l.step); err != nil {
		return err
	}
	l.journal.save(ck, l.deltas[ck.Rev], func(seq uint64, r protocol.Result, fatal error) {
		l.box.post(event{kind: evSaved, ck: ck, result: r, err: fatal, seq: seq})
	})
	return nil
}

// recall tells whether a checkpoint whose save went unanswered is what is stored.
func (l *ownerLoop) recall(ctx context.Context, ck *protocol.Checkpoint) {
	data := l.deltas[ck.Rev]
	go l.journal.recall(ctx, ck, data, func(seq uint64, own bool) {
		r := protocol.Refused
		if own {
			r = protocol.OK
		}
		l.box.post(event{kind: evRecalled, ck: ck, result: r, seq: seq})
	})
}

// seal makes a sink's result appear, in a goroutine of its own.
func (l *ownerLoop) seal(ctx context.Context) {
	s, ok := l.in.proc.(nodes.Sealer)
	if !ok {
		l.box.post(event{kind: evSealed})
		return
	}
	l.using.Add(1)
	go func() {
		defer l.using.Done()
		defer l.job.atWork()()
		for attempt := 1; ; attempt++ {
			err := l.in.time.once(ctx, func(ctx context.Context) error { return l.in.guard(func() error { return s.Seal(ctx) }) })
			if err == nil {
				l.box.post(event{kind: evSealed})
				return
			}
			if nodes.IsPermanent(err) || attempt >= l.step.Retry.Attempts {
				l.box.post(event{kind: evSealed, err: &failure{fmt.Errorf("node %s can't finish: %w", l.step.Node, err)}})
				return
			}
			l.job.log.Info("a sink could not finish", "step", l.step.Node, "attempt", attempt, "err", err)
			l.job.met(l.step, "it could not finish, and tries again", err)
			if !pause(ctx, l.in.backoff(attempt, err)) {
				return
			}
		}
	}()
}
