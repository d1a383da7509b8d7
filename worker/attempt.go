package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
)

// sourcePipeline is the number of frames of a split between cut and published.
const sourcePipeline = 32

// attempt is one attempt at one split.
type attempt struct {
	outbox
	l     *sourceLoop
	list  *bus.SplitList
	split uint32
	queue *bus.Message
	m     *protocol.Source
	input input
	seq   uint64 // of the split's checkpoint, for the compare-and-set
	last  protocol.ID
	lossy lossyOuts
	waits bool  // a cut waits for the input log
	twice int64 // records of frames that another attempt had committed
	over  bool

	slots *account
	slot  *turn            // asked for, or granted
	due   *protocol.Action // the cut that waits for the slot
}

// input is where an attempt reads.
type input interface {
	// cut reads one frame, as the machine asks. errNothingYet means: not now.
	cut(ctx context.Context, h *bus.Header, a *protocol.Action) (*made, error)
	// saved tells that the split's checkpoint has moved.
	saved(n uint64)
	close()
}

var errNothingYet = errors.New("nothing to read yet")

func newAttempt(l *sourceLoop, list *bus.SplitList, split uint32, queue *bus.Message) *attempt {
	return &attempt{outbox: newOutbox(l.job, l.step), l: l, list: list, split: split, queue: queue, lossy: l.job.lossyOuts(l.step)}
}

// run works at the split until it is done, given back, or ctx ends.
func (a *attempt) run(ctx context.Context) error {
	at, err := a.checkpoint(ctx)
	if err != nil {
		return err
	}
	a.ctx = ctx
	w := a.job.plan.Window
	a.m = protocol.NewSource(protocol.SourceConfig{Ports: a.ports, Splits: w.Splits, Frames: w.Frames, Ahead: a.job.places.ahead(a.step.ID),
		Last: uint32(len(a.list.Splits) - 1), Pipeline: sourcePipeline, Share: a.job.w.cfg.FullShare}, a.split, at, a.now())
	if !at.Done {
		if a.input, err = a.open(ctx, at); err != nil {
			return err
		}
		defer a.input.close()
	}
	defer a.leave()
	if a.job.places.unwanted(a.step.ID) {
		a.m.Flag(a.now())
	}
	a.m.Credit(a.job.places.credit(a.step.ID), a.now())
	a.m.Start(a.now())
	a.job.places.watch(a.box)
	defer a.job.places.unwatch(a.box)
	tick := time.NewTicker(levelsEvery)
	defer tick.Stop()
	if !a.lossy.any {
		tick.Stop()
	}
	err = a.loop(ctx, tick)
	a.job.log.Debug("split left", "step", a.step.Node, "split", a.split, "from", at.N, "read_twice", a.twice)
	return err
}

// open opens the split at its checkpoint.
func (a *attempt) open(ctx context.Context, at protocol.SplitState) (input, error) {
	switch {
	case a.list.Empty:
		return nowhere{}, nil
	case a.list.Live:
		return openLog(ctx, a, at)
	}
	a.slots = a.job.slots.of(a.l.kind)
	return newSplitInput(a)
}

func (a *attempt) loop(ctx context.Context, tick *time.Ticker) error {
	var events []event
	stopping := ctx.Done()
	var deadline <-chan time.Time
	for {
		if err := a.carryOut(ctx); err != nil || a.over {
			return err
		}
		select {
		case <-stopping:
			stopping, deadline = nil, time.After(time.Second)
			a.m.Stop(a.now())
			a.cutAgain()
		case <-deadline:
			return ctx.Err()
		case <-tick.C:
			a.lossy.observe(a.m)
			a.m.Start(a.now())
		case <-a.box.wake:
			events = a.box.take(events)
			for i := range events {
				if err := a.handle(&events[i]); err != nil {
					return err
				}
				events[i] = event{}
			}
		}
	}
}

// checkpoint reads the split's checkpoint.
func (a *attempt) checkpoint(ctx context.Context) (protocol.SplitState, error) {
	var rec bus.SplitRecord
	m, err := a.job.conn.Last(ctx, a.job.names.State(), a.job.names.Split(a.step.ID, a.split))
	if errors.Is(err, bus.ErrNotFound) {
		return protocol.SplitState(rec), nil
	}
	if err == nil {
		a.seq = m.Seq
		err = json.Unmarshal(m.Data, &rec)
	}
	if err != nil {
		return protocol.SplitState{}, fmt.Errorf("read the checkpoint of split %d: %w", a.split, err)
	}
	return protocol.SplitState(rec), nil
}

func (a *attempt) handle(e *event) error {
	now := a.now()
	switch e.kind {
	case evCommitted:
		if h := a.hand[e.id]; e.result == protocol.Refused && h != nil {
			a.twice += h.made.records()
		}
		a.m.Committed(e.id, e.result, now)
	case evLooked:
		a.m.Looked(e.id, e.entry, now)
	case evMarked:
		a.m.Marked(e.id, e.result == protocol.OK, now)
	case evPublished:
		a.m.Published(e.id, e.edge, e.part, e.result, now)
	case evSaved:
		if e.result == protocol.OK {
			a.seq = e.seq
			if a.input != nil {
				a.input.saved(e.split.N)
			}
		}
		a.m.Saved(e.split, e.result, now)
	case evRecalled:
		own := e.result == protocol.OK
		if a.seq = e.seq; own && a.input != nil {
			a.input.saved(e.split.N)
		}
		a.m.Recalled(e.split, own, now)
	case evTick:
		a.m.Tick(now)
	case evCredit:
		if a.job.places.unwanted(a.step.ID) {
			a.m.Flag(now)
			a.cutAgain()
		}
		a.m.Credit(a.job.places.credit(a.step.ID), now)
	case evInput:
		a.cutAgain()
	case evSlot:
		return a.cutDue()
	}
	return e.err
}

// cutAgain ends the waiting of a cut for the input log: the machine decides anew.
func (a *attempt) cutAgain() {
	a.due = nil
	if a.waits {
		a.waits = false
		a.m.NotCut(a.now())
	}
}

func (a *attempt) carryOut(ctx context.Context) error {
	for acts := a.m.Take(); len(acts) > 0; acts = a.m.Take() {
		for i := range acts {
			if err := a.do(ctx, &acts[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *attempt) do(ctx context.Context, act *protocol.Action) error {
	switch act.Op {
	case protocol.OpCut:
		return a.cutInSlot(ctx, act)
	case protocol.OpCommit:
		return a.commit(act.ID, act.Entry)
	case protocol.OpMark:
		a.mark(ctx, act.ID, a.hand[act.ID].header.Ordinal())
	case protocol.OpLookup:
		a.lookup(ctx, act.ID, a.hand[act.ID].header.Ordinal())
	case protocol.OpPublish:
		return a.publish(act)
	case protocol.OpAck:
		return a.ack(act.ID)
	case protocol.OpSave:
		return a.save(act.SplitState)
	case protocol.OpRecall:
		a.recall(ctx, act.SplitState)
	case protocol.OpWake:
		a.wake(act.After)
	case protocol.OpFinish:
		a.queue.Ack()
		a.over = true
	case protocol.OpReturn:
		a.queue.Nak(act.After)
		a.over = true
	case protocol.OpRestart:
		return errRestart
	case protocol.OpFail:
		return a.differs(act)
	default:
		return fmt.Errorf("a source does not know operation %d", act.Op)
	}
	return nil
}

// cutFrame reads one frame and hands it to the machine.
func (a *attempt) cutFrame(ctx context.Context, act *protocol.Action) error {
	h := bus.Header{Split: a.split, N: act.N, Cut: time.Now().UnixNano()}
	var m *made
	var err error
	if f := act.Follow; f != nil && f.EndSplit {
		m = a.cut.empty(&h)
		m.end, m.ended = f.End, true
	} else if m, err = a.input.cut(ctx, &h, act); errors.Is(err, errNothingYet) {
		a.waits = true
		return nil
	}
	if err != nil {
		return err
	}
	if m.ended {
		h.EndSplit, h.EndSource = true, a.split == uint32(len(a.list.Splits)-1)
		end := m.end
		m = a.cut.empty(&h)
		m.end, m.ended = end, true
	}
	if m.lost = a.lossy.lost(); act.Follow != nil && act.Until >= 0 {
		m.lost = act.Follow.Lost
	}
	a.last++
	a.hand[a.last] = &inHand{header: h, made: m, edge: -1}
	e := m.entry(a.step.ID, a.job.w.cfg.Name)
	e.Start, e.End, e.EndSplit = act.Start, m.end, m.ended
	a.m.WasCut(a.last, e, a.now())
	return nil
}

// save writes the split's checkpoint by compare-and-set.
func (a *attempt) save(st protocol.SplitState) error {
	if err := a.job.died(BeforeSave, a.step); err != nil {
		return err
	}
	data, err := json.Marshal(bus.SplitRecord(st))
	if err != nil {
		return err
	}
	seq := a.seq
	a.job.pub.Put(bus.Put{Subject: a.job.names.Split(a.step.ID, a.split), Data: data, ExpectSubjectSeq: &seq}, func(out bus.Outcome) {
		r, fatal := resultOf(out)
		a.box.post(event{kind: evSaved, split: st, result: r, err: fatal, seq: out.Seq})
	})
	return nil
}

// recall reads the split's checkpoint back, to tell whether a save that went unanswered is
// what is stored.
func (a *attempt) recall(ctx context.Context, st protocol.SplitState) {
	go func() {
		for {
			m, err := a.job.conn.Last(ctx, a.job.names.State(), a.job.names.Split(a.step.ID, a.split))
			var rec bus.SplitRecord
			if err == nil {
				err = json.Unmarshal(m.Data, &rec)
			}
			if err == nil {
				r := protocol.Refused
				if protocol.SplitState(rec) == st {
					r = protocol.OK
				}
				a.box.post(event{kind: evRecalled, split: st, result: r, seq: m.Seq})
				return
			}
			if !pause(ctx, 100*time.Millisecond) {
				return
			}
		}
	}()
}

// nowhere is the input of a source without splits.
type nowhere struct{}

func (nowhere) cut(context.Context, *bus.Header, *protocol.Action) (*made, error) {
	return &made{ended: true}, nil
}
func (nowhere) saved(uint64) {}
func (nowhere) close()       {}
