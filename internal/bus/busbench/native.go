package busbench

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/internal/bus"
)

// stall lets a full window wait; the client's default gives up after 200 ms.
var stall = jetstream.WithStallWait(time.Minute)

// Native is Chain through nats.go's own JetStream client: PublishMsgAsync, and
// Consume with a bounded prefetch. setup makes stream and consumers.
func Native(ctx context.Context, setup *bus.Conn, nc *nats.Conn, k Config) (Result, error) {
	if err := k.prepare(ctx, setup); err != nil {
		return Result{}, err
	}
	defer func() { _ = setup.DeleteStream(context.WithoutCancel(ctx), stream) }()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(k.Window))
	if err != nil {
		return Result{}, err
	}
	defer js.CleanupPublisher()
	failed := make(chan error, 1)
	fail := func(err error) {
		select {
		case failed <- err:
		default:
		}
	}
	start := now()
	arrived := make(chan struct{})
	for e := range k.Edges {
		stop, err := nativeStep(ctx, nc, &k, e, arrived, fail)
		if err != nil {
			return Result{}, err
		}
		defer stop()
	}
	for i := range k.Frames {
		if _, err := js.PublishMsgAsync(nativeMsg(&k, subject(0), k.Payload, "e0:"+strconv.Itoa(i)), stall); err != nil {
			return Result{}, err
		}
	}
	select {
	case <-arrived:
	case err := <-failed:
		return Result{}, err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	return now().since(start, k), nil
}

func nativeMsg(k *Config, subject string, data []byte, id string) *nats.Msg {
	m := &nats.Msg{Subject: subject, Data: data}
	if !k.NoMsgID {
		m.Header = nats.Header{nats.MsgIdHdr: []string{id}}
	}
	return m
}

func nativeStep(ctx context.Context, nc *nats.Conn, k *Config, edge int, arrived chan struct{}, fail func(error)) (stop func(), err error) {
	// A client of its own: a full window blocks, and must not block the other steps.
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(k.Window))
	if err != nil {
		return nil, err
	}
	cons, err := js.Consumer(ctx, stream, reader(edge))
	if err != nil {
		return nil, err
	}
	type pair struct {
		m jetstream.Msg
		f jetstream.PubAckFuture
	}
	last := edge == k.Edges-1
	next := subject(edge + 1)
	seen := 0
	flight := make(chan pair, k.Window)
	go func() { // acknowledges what is stored; ends with flight
		for p := range flight {
			select {
			case <-p.f.Ok():
				_ = p.m.Ack()
			case err := <-p.f.Err():
				fail(err)
			}
		}
	}()
	cc, err := cons.Consume(func(m jetstream.Msg) {
		if last {
			_ = m.Ack()
			if seen++; seen == k.Frames {
				close(arrived)
			}
			return
		}
		seen++
		f, err := js.PublishMsgAsync(nativeMsg(k, next, m.Data(), next+":"+strconv.Itoa(seen)), stall)
		if err != nil {
			fail(err)
			return
		}
		flight <- pair{m, f}
	}, jetstream.PullMaxMessages(k.Window))
	if err != nil {
		return nil, err
	}
	return func() {
		cc.Stop()
		<-cc.Closed()
		close(flight)
		js.CleanupPublisher()
	}, nil
}
