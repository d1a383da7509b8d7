package busbench

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"sluice/internal/bus"
)

// Config describes a run. Stream is made by the run and deleted after it.
type Config struct {
	Frames   int
	Payload  []byte // of each frame, sent as it is
	Edges    int
	Payloads [][]byte // of the frames on each edge, instead of Payload; not with Codec
	Window   int      // puts in flight, and messages in hand, of each step; default 256
	NoMsgID  bool     // leave out the Nats-Msg-Id
	Capacity int64
	Codec    bool // send the payload as a frame, read and written anew by each step
	Memory   bool // the stream in memory
	// MemoryConsumers keeps only the consumers' state in memory.
	MemoryConsumers bool
}

// Result is what a run took; CPU is of the whole process, server included.
type Result struct {
	Frames, Edges int
	CPU, Wall     time.Duration
}

// PerFrame is the CPU time of one frame on one edge.
func (r Result) PerFrame() time.Duration { return r.CPU / time.Duration(max(1, r.Frames*r.Edges)) }

// String implements fmt.Stringer.
func (r Result) String() string {
	return fmt.Sprintf("%.1f µs CPU, %.1f µs wall a frame and edge",
		float64(r.PerFrame().Nanoseconds())/1e3, float64(r.Wall.Nanoseconds())/1e3/float64(max(1, r.Frames*r.Edges)))
}

// payload returns what is sent on an edge.
func (k *Config) payload(edge int) []byte {
	if k.Payloads != nil {
		return k.Payloads[edge]
	}
	return k.Payload
}

const stream = "BENCH"

func subject(edge int) string { return "bench.e" + strconv.Itoa(edge) }

func reader(edge int) string { return "reader" + strconv.Itoa(edge) }

func (k *Config) prepare(ctx context.Context, c *bus.Conn) error {
	if k.Window == 0 {
		k.Window = 256
	}
	err := c.EnsureStream(ctx, bus.StreamConfig{
		Name:              stream,
		Subjects:          []string{"bench.*"},
		WorkQueue:         true,
		Memory:            k.Memory,
		MaxMsgsPerSubject: k.Capacity,
		DiscardNew:        k.Capacity > 0,
		Duplicates:        2 * time.Second,
	})
	if err != nil {
		return err
	}
	for e := range k.Edges {
		err := c.EnsureConsumer(ctx, bus.ConsumerConfig{
			Stream: stream, Name: reader(e), Filter: subject(e), MaxAckPending: k.Window, Memory: k.MemoryConsumers,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Chain runs the frames along the edges through package bus, with one publisher for
// each step. Without a Capacity nothing refuses, which is the baseline.
func Chain(ctx context.Context, c *bus.Conn, k Config) (Result, error) {
	if err := k.prepare(ctx, c); err != nil {
		return Result{}, err
	}
	defer func() { _ = c.DeleteStream(context.WithoutCancel(ctx), stream) }()
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
		s := &step{k: &k, edge: e, arrived: arrived, fail: fail}
		stop, err := s.run(c)
		if err != nil {
			return Result{}, err
		}
		defer stop()
	}
	if err := feed(ctx, c, &k, failed); err != nil {
		return Result{}, err
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

// step reads one edge and writes the next one, or counts when it is the last.
type step struct {
	k       *Config
	edge    int
	seen    int
	room    []byte // for the payload at hand
	out     []byte // for the frame at hand
	arrived chan struct{}
	fail    func(error)
}

func (s *step) run(c *bus.Conn) (stop func(), err error) {
	pub, err := c.NewPublisher()
	if err != nil {
		return nil, err
	}
	var pull *bus.Puller
	last := s.edge == s.k.Edges-1
	next := subject(s.edge + 1)
	deliver := func(m *bus.Message) {
		if last {
			m.Ack()
			if s.seen++; s.seen == s.k.Frames {
				close(s.arrived)
			}
			pull.Want(1)
			return
		}
		data, err := s.work(m)
		if err != nil {
			s.fail(err)
			return
		}
		put := bus.Put{Subject: next, Data: data}
		if !s.k.NoMsgID {
			put.MsgID = next + ":" + strconv.FormatUint(m.Seq, 10)
		}
		pub.Put(put, func(o bus.Outcome) {
			if o.Err != nil {
				s.fail(o.Err)
				return
			}
			m.Ack()
			pull.Want(1)
		})
	}
	if pull, err = c.NewPuller(stream, reader(s.edge), deliver, s.fail); err != nil {
		return nil, err
	}
	pull.Want(s.k.Window)
	return func() { pull.Stop(); pub.Close() }, nil
}

// work is what a step does with a frame: nothing, or what every step has to.
func (s *step) work(m *bus.Message) ([]byte, error) {
	data := m.Data
	if s.k.Payloads != nil {
		return s.k.payload(s.edge + 1), nil
	}
	if !s.k.Codec {
		return data, nil
	}
	h, payload, err := bus.DecodeFrameInto(s.room, data)
	if err != nil {
		return nil, err
	}
	if cap(payload) > cap(s.room) && len(data) < len(payload) {
		s.room = payload
	}
	s.out = bus.AppendFrame(s.out[:0], &h, payload)
	return s.out, nil
}

// feed publishes the frames to the first edge.
func feed(ctx context.Context, c *bus.Conn, k *Config, failed <-chan error) error {
	pub, err := c.NewPublisher()
	if err != nil {
		return err
	}
	room := make(chan struct{}, k.Window)
	results := make(chan error, 1)
	var frame []byte
	for i := range k.Frames {
		select {
		case room <- struct{}{}:
		case err := <-failed:
			return err
		case err := <-results:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		put := bus.Put{Subject: subject(0), Data: k.payload(0)}
		if k.Codec {
			h := bus.Header{N: uint64(i), Records: 1}
			frame = bus.AppendFrame(frame[:0], &h, k.Payload)
			put.Data = frame
		}
		if !k.NoMsgID {
			put.MsgID = "e0:" + strconv.Itoa(i)
		}
		pub.Put(put, func(o bus.Outcome) {
			if o.Err != nil {
				select {
				case results <- o.Err:
				default:
				}
			}
			<-room
		})
	}
	for range k.Window { // all are answered
		room <- struct{}{}
	}
	pub.Close()
	select {
	case err := <-results:
		return err
	default:
		return nil
	}
}
