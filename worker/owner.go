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
	ownerWindow = 64  // frames applied and not covered by a checkpoint
	ownerCredit = 64  // messages that each in-edge may deliver ahead
	frameCost   = 512 // bytes that a frame in hand costs without its payload, about
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
	gated   bool // a gate is above
	starved bool // as last told
	unseen  unseen
	journal *journal
	deltas  map[uint64]*captured // by revision: captured and not saved yet
	held    int64                // bytes of the frames in hand, wherever they are, and frameCost for each
	kept    int64                // those in memory
	owed    []int                // by in-edge: credit that waits until the out-edges take frames
	full    bool
	stops   bool            // what is captured has to be saved soon
	asks    context.Context // of requests that may go on while the loop rests
}

func newOwnerLoop(r *jobRun, s *recipe.Step, kind *nodes.Kind) *ownerLoop {
	l := &ownerLoop{outbox: newOutbox(r, s), kind: kind, lossy: r.lossyOuts(s), deltas: map[uint64]*captured{}}
	for _, id := range s.In {
		l.edges = append(l.edges, r.plan.Edge(id))
	}
	for _, e := range l.edges {
		l.gated = l.gated || r.plan.Steps[e.From].Role == recipe.RoleGate
	}
	l.late = newLateAcks(l.job.plan, l.box, l.edges)
	l.owed = make([]int, len(l.edges))
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
	defer l.job.w.rooms.owner()()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.ctx = ctx
	asks, hush := context.WithCancel(context.WithoutCancel(ctx))
	defer hush()
	l.asks = asks
	go lease.renew(ctx, func() { cancel(errRestart) })
	defer l.close()
	if err = l.takeOver(ctx); err == nil {
		err = l.reign(ctx)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errRestart) {
		return errRestart // whatever the loss of the reign made of what was under way
	}
	if errors.As(err, new(*failure)) && errors.Is(lease.beat(ctx), bus.ErrConflict) {
		l.job.log.Debug("a reign that is over met a fault", "step", l.step.Node, "err", err)
		return errRestart
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
		stream := l.job.streamOf(e)
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
	in, err := l.job.processor(l.step, l.kind, l.job.newOutput(l.step, l.lease.epoch))
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
	c := protocol.OwnerConfig{Ports: l.ports, Sink: l.step.Sink, Window: ownerWindow, Share: l.job.w.cfg.FullShare}
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
	if l.lossy.any {
		tick.Reset(levelsEvery)
	}
	full, err := l.in.full()
	if err != nil {
		return err
	}
	l.full = l.full || full
	l.tell()
	if err := l.carryOut(ctx); err != nil {
		return err
	}
	for i := range l.pullers {
		l.owed[i] = ownerCredit
	}
	l.want()
	l.unseen.happened()
	var events []event
	for {
		select {
		case <-ctx.Done():
			return l.rest(ctx)
		case <-tick.C:
			l.tell()
			l.look(ctx)
			if l.lossy.any {
				l.lossy.observe(l.m)
			}
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
		if l.gated && l.m.Starved() != l.starved { // the gate wants to know
			l.tell()
		}
		l.want()
	}
}

// want gives the pullers credit for what they have delivered, unless an out-edge is full:
// then nothing is applied, and what comes would only wait here.
func (l *ownerLoop) want() {
	if l.m.Blocked() {
		return
	}
	for i, p := range l.pullers {
		if l.owed[i] > 0 {
			p.Want(l.owed[i])
			l.owed[i] = 0
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
	l.starved = l.m.Starved()
	pl := protocol.Place{Cursors: l.m.Cursors(), Held: l.held, Full: l.full, Starved: l.starved}
	_ = l.job.conn.Send(l.job.names.Place(l.step.ID), pl.Append(nil))
}

func (l *ownerLoop) handle(e *event) error {
	if e.kind == evUnseen {
		return l.saw(e)
	}
	switch e.kind {
	case evTick, evLate:
	case evDeliver:
		l.unseen.came()
	default:
		l.unseen.happened()
	}
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
		l.covered(e)
		l.m.Saved(e.ck, e.result, now)
		l.tell()
	case evRecalled:
		l.covered(e)
		l.m.Recalled(e.ck, e.result == protocol.OK, now)
		l.tell()
	case evSealed:
		l.m.Sealed(e.result, now)
	case evLate:
		l.late.due()
	case evTick:
		l.m.Tick(now)
	}
	return e.err
}

// covered forgets what was captured for a checkpoint that is stored.
func (l *ownerLoop) covered(e *event) {
	if e.result == protocol.OK {
		l.journal.saved(e.ck.Rev, e.seq, l.deltas[e.ck.Rev])
		delete(l.deltas, e.ck.Rev)
	}
}

// receive takes a message in hand. Beyond the memory for early frames only the place of
// the payload is kept.
func (l *ownerLoop) receive(e *event) error {
	if err := l.job.died(AfterReceive, l.step); err != nil {
		return err
	}
	l.owed[e.edge]++
	h, f, err := l.open(l.edges[e.edge], e.msg)
	if err != nil {
		return err
	}
	h.edge, h.size = e.edge, frameCost+int64(len(e.msg.Data))
	if h.header.Ref {
		name, _ := h.payload.Unpack(nil) // found out when it is read
		h.size += valueSize(string(name))
	}
	was := l.held
	if l.held += h.size; was <= l.job.plan.Window.Bytes && l.held > l.job.plan.Window.Bytes {
		l.tell() // the sources have to wait
	}
	if l.kept > l.job.w.rooms.hold() { // it is fetched again
		h.payload, h.msg.Data, h.away = bus.Payload{}, nil, true
	} else {
		h.kept = frameCost + int64(len(e.msg.Data))
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
		l.unseen.happened()
		return l.ack(a.ID)
	case protocol.OpCapture:
		var err error
		l.deltas[a.Checkpoint.Rev], err = l.journal.capture(l.asks, a.Checkpoint, !l.stops)
		return err
	case protocol.OpSave:
		return l.save(a.Checkpoint)
	case protocol.OpRecall:
		l.recall(ctx, a.Checkpoint)
	case protocol.OpSeal:
		l.seal(ctx)
	case protocol.OpWake:
		l.wake(a.After)
	case protocol.OpRestart:
		return errRestart
	case protocol.OpFail:
		return l.differs(a)
	default:
		return fmt.Errorf("an owner does not know operation %d", a.Op)
	}
	return nil
}
