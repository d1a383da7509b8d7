package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// relayWindow is the number of frames that a step's loop has in hand at most: enough to
// hide the latency of commits and publishes.
const relayWindow = 32

// relayLoop runs a stateless step, a gate, or a sink that takes frames as they arrive.
type relayLoop struct {
	outbox
	m       *protocol.Relay
	kind    *nodes.Kind // nil for a gate
	edges   []*recipe.Edge
	pullers []*bus.Puller
	asked   []int // credit given to each puller and not used
	last    protocol.ID
	lossy   lossyOuts
	idle    []*instance
	busy    int
	queue   []compute
	tick    *time.Ticker
	valve   *valve // of a gate; nil for all others
	arrival bool
}

// compute is a frame that waits for an instance.
type compute struct {
	id      protocol.ID
	verdict protocol.Verdict
	follow  *protocol.Entry
}

func newRelayLoop(r *jobRun, s *recipe.Step, kind *nodes.Kind) *relayLoop {
	l := &relayLoop{outbox: newOutbox(r, s), kind: kind, lossy: r.lossyOuts(s)}
	c := protocol.RelayConfig{Ports: l.ports, Window: max(relayWindow, 2*s.Parallel), Share: r.w.cfg.FullShare, Beat: r.rec.AckWait / 3, Arrival: protocol.Arrival(s)}
	for _, id := range s.In {
		l.edges = append(l.edges, r.plan.Edge(id))
	}
	l.late = newLateAcks(l.job.plan, l.box, l.edges)
	if s.Role == recipe.RoleGate {
		e := l.edges[0]
		c.Gate, c.TTL = true, e.TTL
		l.valve = newValve(l, e)
		if e.Overflow == recipe.DropOldest {
			c.Shed = int64(e.Capacity)
		}
	}
	l.arrival = c.Arrival
	l.m = protocol.NewRelay(c)
	l.asked = make([]int, len(l.edges))
	return l
}

// run serves the step until ctx ends, and then settles. Nodes work under ctx; what is asked
// of the broker may go on for as long as the loop runs.
func (l *relayLoop) run(ctx context.Context) error {
	work, cancel := context.WithCancel(ctx)
	l.ctx = work
	defer l.job.w.rooms.relay()()
	asks, hush := context.WithCancel(context.WithoutCancel(ctx))
	defer hush()
	err := l.pull()
	if err == nil {
		err = l.serve(ctx, asks)
	}
	for _, p := range l.pullers {
		p.Stop()
	}
	cancel()
	if ctx.Err() != nil || errors.Is(err, bus.ErrTimeout) {
		if struck := l.settle(asks); errors.As(struck, new(killed)) {
			err = struck
		}
	}
	l.close(err)
	return err
}

// pull starts to read the in-edges.
func (l *relayLoop) pull() error {
	for i, e := range l.edges {
		name := l.job.names.Consumer(l.step.ID, e.ID, l.job.rec.Generation, 0)
		p, err := l.job.conn.NewPuller(l.job.streamOf(e), name,
			func(m *bus.Message) { l.box.post(event{kind: evDeliver, edge: i, msg: m}) },
			func(err error) { l.box.post(event{kind: evGone, err: err}) })
		if err != nil {
			return err
		}
		l.pullers = append(l.pullers, p)
	}
	return nil
}

func (l *relayLoop) serve(ctx, asks context.Context) error {
	l.job.places.watch(l.box)
	defer l.job.places.unwatch(l.box)
	l.tick = time.NewTicker(max(l.job.rec.AckWait/12, 50*time.Millisecond))
	defer l.tick.Stop()
	if l.lossy.any {
		l.tick.Reset(levelsEvery)
	}
	l.want()
	var events []event
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.tick.C:
			l.m.Tick(l.now())
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
		if err := l.carryOut(asks); err != nil {
			return err
		}
		l.want()
	}
}

// want gives the pullers credit for what the machine has room for. While there is any room
// each has credit for one message at least: an edge on which nothing comes must not keep
// what the others need.
func (l *relayLoop) want() {
	room := min(l.m.Room(), l.job.w.rooms.window(l.step.Parallel)-len(l.hand))
	if room <= 0 {
		return
	}
	if l.valve != nil {
		l.valve.want(room)
		return
	}
	for _, n := range l.asked {
		room -= n
	}
	each := max(1, room/len(l.pullers))
	for i, p := range l.pullers {
		n := each - l.asked[i]
		if l.asked[i] > 0 && (room <= 0 || l.asked[i] > each/2) {
			continue
		}
		if n > 0 {
			p.Want(n)
			l.asked[i] += n
		}
	}
}

func (l *relayLoop) handle(e *event) error {
	now := l.now()
	switch e.kind {
	case evLevels:
		l.valve.measured()
	case evDeliver:
		l.asked[e.edge]--
		return l.receive(e.edge, e.msg)
	case evComputed:
		l.release(e)
		if errors.Is(e.err, errLate) {
			l.m.Marked(e.id, true, now)
			return nil
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
		l.m.Computed(e.id, e.made.entry(l.step.ID, l.job.w.cfg.Name), now)
	case evCommitted:
		l.m.Committed(e.id, e.result, now)
	case evLooked:
		l.m.Looked(e.id, e.entry, now)
	case evPublished:
		l.m.Published(e.id, e.edge, e.part, e.result, now)
	case evEffected:
		l.free(e.inst)
		if e.err == nil {
			l.m.Effected(e.id, now)
		}
	case evMarked:
		l.m.Marked(e.id, e.result == protocol.OK, now)
	case evTick:
		l.m.Tick(now)
	case evCredit:
		if l.job.places.unwanted(l.step.ID) {
			l.m.Flag()
		}
	case evLate:
		l.late.due()
	case evGone:
		return e.err
	}
	return e.err
}

// receive takes a message in hand.
func (l *relayLoop) receive(edge int, msg *bus.Message) error {
	if err := l.job.died(AfterReceive, l.step); err != nil {
		return err
	}
	h, f, err := l.open(l.edges[edge], msg)
	if err != nil {
		return err
	}
	l.last++
	h.edge = edge
	l.hand[l.last] = h
	l.m.Deliver(l.last, f, l.valve.backlog(msg), l.now())
	return nil
}

// carryOut does what the machine asks for.
func (l *relayLoop) carryOut(ctx context.Context) error {
	for acts := l.m.Take(); len(acts) > 0; acts = l.m.Take() {
		for i := range acts {
			if err := l.do(ctx, &acts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *relayLoop) do(ctx context.Context, a *protocol.Action) error {
	switch a.Op {
	case protocol.OpCompute:
		l.compute(compute{a.ID, a.Verdict, a.Follow})
	case protocol.OpCommit:
		return l.commit(a.ID, a.Entry)
	case protocol.OpEffect:
		l.effect(ctx, a.ID, a.Verdict)
	case protocol.OpMark:
		l.mark(ctx, a.ID, l.hand[a.ID].header.Ordinal())
	case protocol.OpLookup:
		l.lookup(ctx, a.ID, l.hand[a.ID].header.Ordinal())
	case protocol.OpPublish:
		return l.publish(a)
	case protocol.OpAck:
		l.giveUp(a.ID)
		return l.ack(a.ID)
	case protocol.OpBeat:
		if h := l.hand[a.ID]; h != nil { // not given back
			h.msg.Beat()
		}
	case protocol.OpWake:
		l.wake(a.After)
	case protocol.OpFail:
		return l.differs(a)
	default:
		return fmt.Errorf("a relay does not know operation %d", a.Op)
	}
	return nil
}

// compute makes the frames: by the node where it runs, without it otherwise.
func (l *relayLoop) compute(c compute) {
	h := l.hand[c.id]
	h.follow = c.follow
	switch {
	case c.follow != nil && c.follow.Kept != nil && l.kind == nil:
		ports, _, err := bus.Unkeep(c.follow.Kept)
		l.computed(c.id, &made{ports: ports, counts: c.follow.Counts}, err)
	case c.follow != nil && c.follow.Kept != nil:
		go func() {
			m, err := l.job.unkeep(l.ctx, l.step, l.edges[h.edge], &h.header, c.follow)
			l.computed(c.id, m, err)
		}()
	case c.verdict != protocol.Run, h.header.Records == 0 && l.kind != nil && !l.step.Sink: // nothing in, nothing out
		l.computed(c.id, l.cut.empty(&h.header), nil)
	case l.kind == nil:
		l.computed(c.id, l.through(h), nil)
	case len(l.idle) > 0 || l.busy < l.step.Parallel:
		l.start(c)
	default:
		l.queue = append(l.queue, c)
	}
}

func (l *relayLoop) computed(id protocol.ID, m *made, err error) {
	l.box.post(event{kind: evComputed, id: id, made: m, err: err, part: -1})
}

// through makes the frame of a gate: the one that came, on the gate's lane.
func (l *relayLoop) through(h *inHand) *made {
	payload, err := h.payload.Unpack(nil)
	if err != nil {
		m := l.cut.empty(&h.header)
		m.bad = true
		return m
	}
	hp := h.header
	m := &made{ports: [][][]byte{{bus.AppendFrame(nil, &hp, payload)}}, counts: [][]uint32{{uint32(hp.Records)}}}
	m.kept = bus.Keep(m.ports)
	return m
}

// start runs the node over a frame, in a goroutine of its own.
func (l *relayLoop) start(c compute) {
	h := l.hand[c.id]
	var in *instance
	if n := len(l.idle); n > 0 {
		in, l.idle = l.idle[n-1], l.idle[:n-1]
	}
	l.busy++
	go func() {
		defer l.job.atWork()()
		e := event{kind: evComputed, id: c.id}
		if in == nil {
			in, e.err = l.job.processor(l.step, l.kind, nil)
		}
		if e.err == nil {
			e.made, e.err = l.compute1(l.ctx, in, h)
		}
		e.inst = in
		l.box.post(e)
	}()
}

func (l *relayLoop) compute1(ctx context.Context, in *instance, h *inHand) (*made, error) {
	payload, err := in.payload(ctx, &h.header, h.payload)
	if err != nil {
		if err := l.job.missed(ctx, l.step, l.edges[h.edge], &h.header, h.follow, err); err != nil {
			return nil, err
		}
		m := l.cut.empty(&h.header)
		m.bad = true
		return m, nil
	}
	if err := in.enter(ctx); err != nil {
		return nil, err
	}
	hp := h.header
	hp.Ref = false
	m, err := in.frame(ctx, &hp, payload, l.edges[h.edge].ToPort)
	in.leave()
	if err == nil && l.kind.Impure {
		m.kept, err = l.job.keep(ctx, l.step, &hp, m)
	}
	return m, err
}

// release takes the instance back that a frame was computed by.
func (l *relayLoop) release(e *event) {
	if e.part < 0 {
		return
	}
	if l.arrival && e.err == nil { // it holds the frame's records until their effect
		l.hand[e.id].inst = e.inst
		return
	}
	l.free(e.inst)
}

// free gives an instance to the next frame that waits.
func (l *relayLoop) free(in *instance) {
	l.busy--
	if in != nil {
		l.idle = append(l.idle, in)
	}
	if len(l.queue) > 0 && l.ctx.Err() == nil {
		c := l.queue[0]
		l.queue = l.queue[1:]
		l.start(c)
	}
}
