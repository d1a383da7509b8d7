package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
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
}

func newSourceLoop(r *jobRun, s *recipe.Step, kind *nodes.Kind) *sourceLoop {
	return &sourceLoop{job: r, step: s, kind: kind}
}

// run serves the queue until ctx ends. It has as many splits in hand as may be open.
func (l *sourceLoop) run(ctx context.Context) error {
	name := l.job.names.Consumer(l.step.ID, "", l.job.rec.Generation, 0)
	slots := l.job.plan.Window.Splits
	messages := make(chan *bus.Message, slots+1)
	gone := make(chan error, 1)
	p, err := l.job.conn.NewPuller(l.job.names.Splits(), name, func(m *bus.Message) { messages <- m }, func(err error) { gone <- err })
	if err != nil {
		return err
	}
	defer p.Stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var attempts sync.WaitGroup
	defer attempts.Wait()
	p.Want(slots)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-gone:
			return err
		case m := <-messages:
			attempts.Add(1)
			go func() {
				defer attempts.Done()
				if err := l.serve(ctx, m); err != nil && ctx.Err() == nil {
					cancel(err)
				}
				p.Want(1)
			}()
		}
	}
}

// serve handles one message of the queue: the order to list the splits, or a split.
func (l *sourceLoop) serve(ctx context.Context, m *bus.Message) error {
	stop := l.beat(ctx, m)
	defer stop()
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
