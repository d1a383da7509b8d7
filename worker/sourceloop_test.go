package worker

import (
	"errors"
	"fmt"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestQueueWithoutSign: while a source's queue gives no sign, what is in hand is read on, and the
// queue is asked anew; with nothing in hand the loop ends. A split that comes again ends it, too: the
// queue's consumer is another one.
func TestQueueWithoutSign(t *testing.T) {
	conn, ctx := bustest.Conn(t, bustest.InProcess), bustest.Context(t)
	names := bus.Names{Job: "j"}
	if err := conn.EnsureStream(ctx, bus.StreamConfig{Name: names.Splits(), Subjects: []string{names.SplitWaiting(0, 0)}}); err != nil {
		t.Fatal(err)
	}
	k := bus.ConsumerConfig{Stream: names.Splits(), Name: names.Consumer(0, "", 1, 0), Filter: names.SplitWaiting(0, 0), AckWait: bustest.Timeout, MaxAckPending: 2}
	if err := conn.EnsureConsumer(ctx, k); err != nil {
		t.Fatal(err)
	}
	loop := func() *sourceLoop {
		r := &jobRun{conn: conn, names: names, plan: &recipe.Plan{Window: recipe.Window{Splits: 2}}, rec: bus.JobRecord{Generation: 1}}
		return newSourceLoop(r, &recipe.Step{}, nil)
	}
	silent := event{kind: evGone, err: fmt.Errorf("no sign: %w", bus.ErrTimeout)}

	l := loop()
	l.box.post(silent)
	if err := l.run(ctx); !errors.Is(err, bus.ErrTimeout) {
		t.Errorf("with nothing in hand: got %v, want that it ends", err)
	}

	closed := bustest.Conn(t, bustest.InProcess)
	closed.Close()
	l = loop()
	l.job.conn = closed
	l.p, l.hand[&bus.Message{}] = old(t, conn, k), true
	l.box.post(silent)
	if err := l.pull(ctx); !errors.Is(err, bus.ErrClosed) || l.p == nil {
		t.Errorf("without a connection: got %v and puller %v, want that it ends and has one to stop", err, l.p)
	}
	l.p.Stop()

	l = loop()
	l.hand[&bus.Message{Subject: names.SplitWaiting(0, 0)}] = true
	l.box.post(silent)
	ended := make(chan error, 1)
	go func() { ended <- l.pull(ctx) }()
	pub, err := conn.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	if out := pub.PutSync(ctx, bus.Put{Subject: names.SplitWaiting(0, 0), Data: []byte("{}")}); out.Err != nil {
		t.Fatal(out.Err)
	}
	if err := bustest.Wait(t, "the split again", ended); !errors.Is(err, errRestart) {
		t.Errorf("the split came again: got %v, want that it begins again", err)
	}
	l.p.Stop()
}

// old is a puller of before.
func old(t *testing.T, conn *bus.Conn, k bus.ConsumerConfig) *bus.Puller {
	t.Helper()
	p, err := conn.NewPuller(k.Stream, k.Name, func(*bus.Message) {}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
