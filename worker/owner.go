package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

const (
	ownerWindow = 64       // frames applied and not covered by a checkpoint
	ownerCredit = 64       // messages that each in-edge may deliver ahead
	holdBytes   = 32 << 20 // payloads of early frames kept in memory; beyond it they are fetched again
	placeEvery  = 200 * time.Millisecond
)

// ownerLoop reigns over an ordered step.
type ownerLoop struct {
	outbox
	m       *protocol.Owner
	kind    *nodes.Kind
	in      *instance
	using   sync.WaitGroup // goroutines that use the node
	edges   []*recipe.Edge
	pullers []*bus.Puller
	last    protocol.ID
	lossy   lossyOuts
	lease   *lease
	journal *journal
	deltas  map[uint64][]byte // by revision: captured and not saved yet
	held    int64             // bytes of the frames in hand, wherever they are
	kept    int64             // those in memory
	full    bool
	stops   bool
}

func newOwnerLoop(r *jobRun, s *recipe.Step, kind *nodes.Kind) *ownerLoop {
	l := &ownerLoop{outbox: newOutbox(r, s), kind: kind, lossy: r.lossyOuts(s), deltas: map[uint64][]byte{}}
	for _, id := range s.In {
		l.edges = append(l.edges, r.plan.Edge(id))
	}
	l.late = newLateAcks(l.box, l.edges)
	return l
}

// run waits for the reign, reigns until ctx ends or the reign is lost, and returns
// errRestart when it has to be won again.
func (l *ownerLoop) run(ctx context.Context) error {
	lease, err := l.job.acquire(ctx, l.step)
	if err != nil {
		return err
	}
	l.lease = lease
	defer lease.release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.ctx = ctx
	go lease.renew(ctx, func() { cancel(errRestart) })
	defer l.close()
	if err = l.takeOver(ctx); err == nil {
		err = l.reign(ctx)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errRestart) {
		return errRestart // whatever the loss of the reign made of what was under way
	}
	return err
}

// close gives up what the reign holds; the node only when nothing uses it any more.
func (l *ownerLoop) close() {
	for _, p := range l.pullers {
		p.Stop()
	}
	if l.in != nil {
		go func() {
			l.using.Wait()
			l.in.close()
		}()
	}
}

// takeOver makes the step's consumers those of this reign, and only then reads the
// checkpoint, the state and the ledger.
func (l *ownerLoop) takeOver(ctx context.Context) error {
	for i, e := range l.edges {
		stream := l.job.names.Fill(l.job.plan.Streams[e.Stream].Name)
		name, err := l.job.ownConsumer(ctx, stream, l.step, e, l.lease.epoch)
		if err != nil {
			return err
		}
		p, err := l.job.conn.NewPuller(stream, name,
			func(m *bus.Message) { l.box.post(event{kind: evDeliver, edge: i, msg: m}) },
			func(err error) { l.box.post(event{kind: evGone, err: errRestart}) })
		if err != nil {
			return err
		}
		l.pullers = append(l.pullers, p)
	}
	in, err := l.job.processor(l.step, l.kind)
	if err != nil {
		return &failure{err}
	}
	l.in = in
	l.journal, err = openJournal(ctx, l.job, l.step, l.lease.epoch, in.proc)
	if err != nil {
		return err
	}
	entries, err := l.job.entries(ctx, l.step, l.journal.at.Cursors)
	if err != nil {
		return err
	}
	c := protocol.OwnerConfig{Ports: l.ports, Sink: l.step.Sink, Window: ownerWindow}
	for _, lane := range l.step.Lanes {
		c.Lanes = append(c.Lanes, lane.Port)
	}
	l.m = protocol.NewOwner(c, l.journal.at, entries)
	return nil
}

// reign serves the step.
func (l *ownerLoop) reign(ctx context.Context) error {
	tick := time.NewTicker(placeEvery)
	defer tick.Stop()
	full, err := l.in.full()
	if err != nil {
		return err
	}
	l.full = l.full || full
	l.tell()
	if err := l.carryOut(ctx); err != nil {
		return err
	}
	for _, p := range l.pullers {
		p.Want(ownerCredit)
	}
	var events []event
	for {
		select {
		case <-ctx.Done():
			return l.rest(ctx)
		case <-tick.C:
			l.tell()
		case <-l.box.wake:
			events = l.box.take(events)
			for i := range events {
				if err := l.handle(&events[i]); err != nil {
					return err
				}
				events[i] = event{}
			}
		}
		if err := l.carryOut(ctx); err != nil {
			return err
		}
	}
}

// rest covers what was applied by a checkpoint before the worker stops, within bounds.
func (l *ownerLoop) rest(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errRestart) {
		return errRestart
	}
	for _, p := range l.pullers {
		p.Stop()
	}
	deadline := time.NewTimer(time.Second)
	defer deadline.Stop()
	l.stops = true
	l.m.Stop(l.now())
	for {
		if err := l.carryOut(ctx); err != nil {
			return err
		}
		if l.m.Settled() {
			l.late.flush()
			return ctx.Err()
		}
		select {
		case <-deadline.C:
			return ctx.Err()
		case <-l.box.wake:
			for _, e := range l.box.take(nil) {
				if e.kind == evDeliver {
					continue
				}
				if err := l.handle(&e); err != nil {
					return err
				}
			}
		}
	}
}

// tell announces the step's watermark.
func (l *ownerLoop) tell() {
	pl := protocol.Place{Cursors: l.m.Cursors(), Held: l.held, Full: l.full}
	_ = l.job.conn.Send(l.job.names.Place(l.step.ID), pl.Append(nil))
}

func (l *ownerLoop) handle(e *event) error {
	now := l.now()
	switch e.kind {
	case evDeliver:
		return l.receive(e)
	case evComputed:
		if errors.Is(e.err, errLate) { // another reign is far ahead
			return errRestart
		}
		if e.err != nil {
			return e.err
		}
		h := l.hand[e.id]
		if h.made = e.made; h.made.bad {
			l.m.Damaged(e.id)
		}
		if h.made.lost = l.lossy.lost(); h.follow != nil {
			h.made.lost = h.follow.Lost
		}
		if h.made.full && !l.full {
			l.full = true
			l.tell()
		}
		l.m.Computed(e.id, e.made.entry(l.step.ID, l.job.w.cfg.Name), now)
	case evCommitted:
		l.m.Committed(e.id, e.result, now)
	case evLooked:
		l.m.Looked(e.id, e.entry, now)
	case evMarked:
		l.m.Marked(e.id, e.result == protocol.OK, now)
	case evPublished:
		l.m.Published(e.id, e.edge, e.part, e.result, now)
	case evSaved:
		if e.result == protocol.OK {
			delete(l.deltas, e.ck.Rev)
		}
		l.m.Saved(e.ck, e.result, now)
		if e.result == protocol.OK {
			l.tell()
		}
	case evSealed:
		l.m.Sealed(e.result)
	case evLate:
		l.late.due()
	case evTick:
		l.m.Tick(now)
	}
	return e.err
}

// receive takes a message in hand. Beyond the memory for early frames only the place of
// the payload is kept.
func (l *ownerLoop) receive(e *event) error {
	if err := l.job.died(AfterReceive, l.step); err != nil {
		return err
	}
	l.pullers[e.edge].Want(1)
	h, f, err := l.open(l.edges[e.edge], e.msg)
	if err != nil {
		return err
	}
	h.edge, h.size = e.edge, int64(len(e.msg.Data))
	if h.header.Ref {
		name, _ := h.payload.Unpack(nil) // found out when it is read
		h.size += valueSize(string(name))
	}
	was := l.held
	if l.held += h.size; was <= l.job.plan.Window.Bytes && l.held > l.job.plan.Window.Bytes {
		l.tell() // the sources have to wait
	}
	if l.kept > holdBytes {
		h.payload, h.msg.Data, h.away = bus.Payload{}, nil, true
	} else {
		h.kept = int64(len(e.msg.Data))
		l.kept += h.kept
	}
	l.last++
	l.hand[l.last] = h
	l.m.Deliver(l.last, f, l.now())
	return nil
}

func (l *ownerLoop) carryOut(ctx context.Context) error {
	for acts := l.m.Take(); len(acts) > 0; acts = l.m.Take() {
		for i := range acts {
			if err := l.do(ctx, &acts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *ownerLoop) do(ctx context.Context, a *protocol.Action) error {
	switch a.Op {
	case protocol.OpCompute:
		l.apply(ctx, *a)
	case protocol.OpCommit:
		return l.commit(a.ID, a.Entry)
	case protocol.OpMark:
		l.mark(ctx, a.ID, l.hand[a.ID].header.Ordinal())
	case protocol.OpLookup:
		l.lookup(ctx, a.ID, l.hand[a.ID].header.Ordinal())
	case protocol.OpPublish:
		return l.publish(a)
	case protocol.OpAck:
		if h := l.hand[a.ID]; h != nil {
			l.held, l.kept = l.held-h.size, l.kept-h.kept
		}
		return l.ack(a.ID)
	case protocol.OpCapture:
		var err error
		l.deltas[a.Checkpoint.Rev], err = l.journal.capture(a.Checkpoint)
		return err
	case protocol.OpSave:
		return l.save(a.Checkpoint)
	case protocol.OpSeal:
		l.seal(ctx)
	case protocol.OpWake:
		l.wake(a.After)
	case protocol.OpRestart:
		return errRestart
	default:
		return fmt.Errorf("an owner does not know operation %d", a.Op)
	}
	return nil
}

// save writes a checkpoint into the journal.
func (l *ownerLoop) save(ck *protocol.Checkpoint) error {
	if err := l.job.died(BeforeSave, l.step); err != nil {
		return err
	}
	l.journal.save(ck, l.deltas[ck.Rev], func(r protocol.Result, fatal error) {
		l.box.post(event{kind: evSaved, ck: ck, result: r, err: fatal})
	})
	return nil
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
			l.job.log.Warn("a sink could not finish", "step", l.step.Node, "attempt", attempt, "err", err)
			if !pause(ctx, l.in.backoff(attempt, err)) {
				return
			}
		}
	}()
}
