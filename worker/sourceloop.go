package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// sourceLoop takes splits from a source's queue and runs an attempt at each.
type sourceLoop struct {
	job  *jobRun
	step *recipe.Step
	kind *nodes.Kind
	box  *mailbox
	p    *bus.Puller           // of the queue; used by pull and run alone
	hand map[*bus.Message]bool // what was taken from it
}

func newSourceLoop(r *jobRun, s *recipe.Step, kind *nodes.Kind) *sourceLoop {
	return &sourceLoop{job: r, step: s, kind: kind, box: newMailbox(), hand: map[*bus.Message]bool{}}
}

// run serves the queue until ctx ends. It has as many splits in hand as may be open. An
// attempt that does not come to rest, because its node holds out, is left to itself, and
// its split goes back to the queue.
func (l *sourceLoop) run(ctx context.Context) error {
	if err := l.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	err := l.pull(ctx)
	l.p.Stop()
	cancel()
	l.settle()
	return err
}

// open begins to take from the queue, beside what is in hand.
func (l *sourceLoop) open() error {
	name, box := l.job.names.Consumer(l.step.ID, "", l.job.rec.Generation, 0), l.box
	p, err := l.job.conn.NewPuller(l.job.names.Splits(), name,
		func(m *bus.Message) { box.post(event{kind: evDeliver, msg: m}) },
		func(err error) { box.post(event{kind: evGone, err: err}) })
	if err != nil {
		return err
	}
	l.p = p
	p.Want(l.job.plan.Window.Splits - len(l.hand))
	return nil
}

// pull starts an attempt at each message that comes, until ctx ends or one of them fails. While the
// queue gives no sign, what is in hand is read on: a live source that stood still would miss what
// comes. A split that comes again is one whose consumer was made anew.
func (l *sourceLoop) pull(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.box.wake:
		}
		var fault error
		for _, e := range l.box.take(nil) {
			switch {
			case fault != nil:
				l.served(&e)
			case e.kind == evDeliver && l.has(e.msg.Subject):
				fault = errRestart
				l.served(&e)
			case e.kind == evDeliver:
				l.hand[e.msg] = true
				go func() { l.box.post(event{kind: evServed, msg: e.msg, err: l.serve(ctx, e.msg)}) }()
			case e.kind == evGone && errors.Is(e.err, bus.ErrTimeout) && len(l.hand) > 0:
				fault = l.open()
			case e.err != nil:
				fault = e.err
				l.served(&e)
			case e.kind == evServed:
				delete(l.hand, e.msg)
				l.p.Want(1)
			}
		}
		if fault != nil {
			return fault
		}
	}
}

// has reports whether a message of that subject is in hand.
func (l *sourceLoop) has(subject string) bool {
	for m := range l.hand {
		if m.Subject == subject {
			return true
		}
	}
	return false
}

// settle waits until the attempts have saved where they are and given their splits back,
// and gives back the splits of those that have not.
func (l *sourceLoop) settle() {
	over := time.NewTimer(settleFor + settleFor/2) // an attempt takes settleFor itself
	defer over.Stop()
	for waiting := true; waiting && len(l.hand) > 0; {
		select {
		case <-over.C:
			waiting = false
		case <-l.box.wake:
			for _, e := range l.box.take(nil) {
				l.served(&e)
			}
		}
	}
	l.box.close(giveBack)
	for m := range l.hand {
		m.Nak(0)
	}
}

// served takes an event when the loop has ended.
func (l *sourceLoop) served(e *event) {
	delete(l.hand, e.msg)
	giveBack(e)
}

// giveBack lets another worker have the split of a message that nobody works on.
func giveBack(e *event) {
	if e.msg != nil && (e.kind == evDeliver || e.err != nil) {
		e.msg.Nak(0)
	}
}

// serve handles one message of the queue: the order to list the splits, or a split.
func (l *sourceLoop) serve(ctx context.Context, m *bus.Message) error {
	stop := l.beat(ctx, m)
	defer stop()
	defer l.job.atSource(l.step.ID)()
	var sm bus.SplitMessage
	if err := json.Unmarshal(m.Data, &sm); err != nil {
		return &failure{fmt.Errorf("a message in the queue of source %s does not decode: %w", l.step.Node, err)}
	}
	if sm.List {
		if err := l.list(ctx); err != nil {
			return err
		}
		m.Ack()
		return nil
	}
	list, err := l.splits(ctx)
	if err != nil {
		return err
	}
	if list == nil || int(sm.Split) >= len(list.Splits) {
		return &failure{fmt.Errorf("source %s has no split %d", l.step.Node, sm.Split)}
	}
	for {
		err := newAttempt(l, list, sm.Split, m).run(ctx)
		var k killed
		if !errors.Is(err, errRestart) && !errors.As(err, &k) {
			return err
		}
		if !pause(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// beat keeps a message in hand while it is worked on.
func (l *sourceLoop) beat(ctx context.Context, m *bus.Message) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for pause(ctx, l.job.rec.AckWait/3) {
			m.Beat()
		}
	}()
	return cancel
}

// splits reads the stored list of splits; nil when there is none yet.
func (l *sourceLoop) splits(ctx context.Context) (*bus.SplitList, error) {
	m, err := l.job.conn.Last(ctx, l.job.names.State(), l.job.names.SplitList(l.step.ID))
	if errors.Is(err, bus.ErrNotFound) {
		return nil, nil
	}
	var list bus.SplitList
	if err == nil {
		err = json.Unmarshal(m.Data, &list)
	}
	if err == nil && list.Ref != "" {
		var data []byte
		if data, err = l.job.value(ctx, list.Ref); err == nil {
			err = json.Unmarshal(data, &list)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of splits: %w", err)
	}
	return &list, nil
}

// list cuts the source's work into splits, once a job: the first stored list counts. Then
// every split is put into the queue; one that is put twice is found done.
func (l *sourceLoop) list(ctx context.Context) error {
	list, err := l.splits(ctx)
	if err == nil && list == nil {
		list, err = l.cut(ctx)
	}
	if err != nil {
		return err
	}
	for i := range list.Splits {
		data, _ := json.Marshal(bus.SplitMessage{Split: uint32(i)})
		put := bus.Put{Subject: l.job.names.SplitWaiting(l.step.ID, uint32(i)), Data: data}
		if err := l.job.putUntil(ctx, put); err != nil && !errors.Is(err, bus.ErrFull) { // full: it waits already
			return fmt.Errorf("put split %d into the queue: %w", i, err)
		}
	}
	return nil
}

// cut asks the node for its splits and stores the list.
func (l *sourceLoop) cut(ctx context.Context) (*bus.SplitList, error) {
	node, err := l.job.build(l.step, l.kind)
	if err != nil {
		return nil, &failure{err}
	}
	list := &bus.SplitList{}
	if err := l.job.guard(l.step, func() error { return ask(ctx, node, list) }); err != nil {
		return nil, &failure{fmt.Errorf("node %s: %w", l.step.Node, err)}
	}
	if list.Live {
		if err := l.job.need(ctx, bus.LaterInput); err != nil {
			return nil, err
		}
	}
	if len(list.Splits) == 0 { // a source has at least one
		list.Splits, list.Empty = []json.RawMessage{json.RawMessage("null")}, !list.Live
	}
	data, err := json.Marshal(list)
	if err == nil && len(data) > recipe.InlineBytes {
		var ref string
		if ref, err = l.job.putValue(ctx, fmt.Sprintf("splits%d", l.step.ID), data); err == nil {
			data, err = json.Marshal(bus.SplitList{Live: list.Live, Ref: ref, Count: len(list.Splits)})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("store the list of splits: %w", err)
	}
	var none uint64
	out := l.job.pub.PutSync(ctx, bus.Put{Subject: l.job.names.SplitList(l.step.ID), Data: data, ExpectSubjectSeq: &none})
	if errors.Is(out.Err, bus.ErrConflict) {
		return l.splits(ctx)
	}
	if out.Err != nil {
		return nil, fmt.Errorf("store the list of splits: %w", out.Err)
	}
	return list, nil
}

// ask fills in a list with what a node says of its splits.
func ask(ctx context.Context, node any, list *bus.SplitList) (err error) {
	switch n := node.(type) {
	case nodes.Source:
		if list.Splits, err = n.Splits(ctx); err != nil {
			return err
		}
	case nodes.Feed:
		list.Live = true
	default:
		return errors.New("its kind is no source")
	}
	if n, ok := node.(nodes.Sized); ok {
		for _, s := range list.Splits {
			list.Sizes = append(list.Sizes, n.Size(s))
		}
	}
	return nil
}
