package worker

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
)

// apply runs an ordered node over the frame whose turn it is, in a goroutine of its own:
// the machine asks for one at a time.
func (l *ownerLoop) apply(ctx context.Context, a protocol.Action) {
	h := l.hand[a.ID]
	h.follow = a.Follow
	l.using.Add(1)
	go func() {
		defer l.using.Done()
		defer l.job.atWork()()
		m, err := l.made(ctx, h, &a)
		l.box.post(event{kind: evComputed, id: a.ID, made: m, err: err})
	}()
}

func (l *ownerLoop) made(ctx context.Context, h *inHand, a *protocol.Action) (*made, error) {
	hp := h.header
	hp.Ref = false
	var payload []byte
	bad := false
	if a.Verdict == protocol.Run {
		err := l.fetch(ctx, h)
		if err == nil {
			payload, err = l.in.payload(ctx, &h.header, h.payload)
		}
		if err != nil {
			if err := l.job.missed(ctx, l.step, l.edges[h.edge], &h.header, a.Follow, err); err != nil {
				return nil, err
			}
			a.Verdict, bad = protocol.Dead, true
		}
	}
	if a.Verdict != protocol.Run {
		hp.Records = 0
	}
	if err := l.in.enter(ctx); err != nil {
		return nil, err
	}
	defer l.in.leave()
	m, err := l.in.ordered(ctx, &hp, payload, l.edges[h.edge].ToPort, a)
	if m != nil {
		m.bad = bad
	}
	return m, err
}

// fetch reads the payload of an early frame again that was not kept in memory.
func (l *ownerLoop) fetch(ctx context.Context, h *inHand) error {
	if !h.away {
		return nil
	}
	e := l.edges[h.edge]
	m, err := l.job.conn.At(ctx, l.job.streamOf(e), h.msg.Seq)
	if errors.Is(err, bus.ErrNotFound) { // acknowledged by another reign
		return errRestart
	}
	if err != nil {
		return fmt.Errorf("read frame %s again: %w", h.header.Ordinal(), err)
	}
	_, payload, err := bus.OpenFrame(m.Data)
	if errors.Is(err, bus.ErrPayload) {
		return &unreadable{err}
	}
	if err != nil {
		return &failure{fmt.Errorf("edge %s: a frame's header is damaged: %w", e.ID, err)}
	}
	h.payload, h.away = payload, false
	return nil
}

// ordered runs a frame through an ordered node: its records, the ends that come with it,
// and a sink's flush.
func (in *instance) ordered(ctx context.Context, h *bus.Header, payload []byte, port int, a *protocol.Action) (*made, error) {
	m, err := in.frame(ctx, h, payload, port)
	if err != nil {
		return nil, err
	}
	if a.Verdict == protocol.Skipped {
		return m, nil
	}
	if len(a.Ended) > 0 || a.Finish {
		letters, discarded := m.dead, m.discarded
		if err := in.guard(func() error { return in.ends(a) }); err != nil {
			return nil, &failure{fmt.Errorf("node %s: %w", in.step.Node, err)}
		}
		if m, err = in.finish(h, letters, discarded); err != nil {
			return nil, err
		}
	}
	return m, in.flush(ctx)
}

// ends tells the node which inputs have ended. What it emits joins what the frame's
// records made.
func (in *instance) ends(a *protocol.Action) error {
	if f, ok := in.proc.(nodes.PortFinisher); ok {
		for _, port := range a.Ended {
			if err := f.FinishPort(in.call, port); err != nil {
				return err
			}
		}
	}
	if f, ok := in.proc.(nodes.Finisher); ok && a.Finish {
		if err := f.Finish(in.call); err != nil {
			return err
		}
	}
	return in.call.Err()
}

// flush makes a sink's effects happen; what can pass is tried again, for as long as the
// step's retries say, and then fails the job: a sink that can't write loses records.
func (in *instance) flush(ctx context.Context) error {
	f, ok := in.proc.(nodes.Flusher)
	if !ok {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := in.time.once(ctx, func(ctx context.Context) error { return in.guard(func() error { return f.Flush(ctx) }) })
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if nodes.IsPermanent(err) || attempt >= in.step.Retry.Attempts {
			return &failure{fmt.Errorf("node %s can't write: %w", in.step.Node, err)}
		}
		in.run.log.Info("a sink could not write", "step", in.step.Node, "attempt", attempt, "err", err)
		in.run.met(in.step, "it could not write, and tries again", err)
		if !in.rest(ctx, in.backoff(attempt, err)) {
			return ctx.Err()
		}
		in.run.meter().Retried(in.step.Kind)
	}
}
