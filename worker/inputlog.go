package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// inputLog is the input of a source that can't be read again. What the node feeds is
// written to the job's input log first, in chunks that are closed when they are full or
// the input is idle; chunk c is the frame with n = c. So the frames are the same for every
// attempt. The log is bounded: the feed waits while it is so many chunks ahead of the
// split's checkpoint, and what lies below that is purged.
type inputLog struct {
	a      *attempt
	cancel context.CancelFunc
	feeds  sync.WaitGroup

	mu     sync.Mutex
	chunks map[uint64]chunk // stored, not below the checkpoint
	seqs   map[uint64]uint64
	next   uint64 // chunk to be written next
	total  int64  // records in all chunks so far
	ended  bool   // the last chunk is stored
	low    uint64 // the split's checkpoint
	room   chan struct{}
}

// inputAhead is the number of chunks that the log may be ahead.
const inputAhead = 256

// chunk is a stored piece of the input.
type chunk struct {
	end     bool
	records int
	total   int64 // records of the input up to and with this chunk
	dropped int64 // records given up without a letter
	ref     bool
	letters []byte // dead letters, as they are stored
	data    []byte
}

func (c *chunk) append(b []byte) []byte {
	var bits byte
	if c.end {
		bits |= 1
	}
	if c.ref {
		bits |= 2
	}
	b = append(b, 1, bits)
	b = binary.AppendUvarint(b, uint64(c.records))
	b = binary.AppendUvarint(b, uint64(c.total))
	b = binary.AppendUvarint(b, uint64(c.dropped))
	b = binary.AppendUvarint(b, uint64(len(c.letters)))
	b = append(b, c.letters...)
	return append(b, c.data...)
}

func decodeChunk(b []byte) (chunk, error) {
	bad := errors.New("malformed chunk of the input log")
	if len(b) < 2 || b[0] != 1 {
		return chunk{}, bad
	}
	c := chunk{end: b[1]&1 != 0, ref: b[1]&2 != 0}
	b = b[2:]
	var numbers [4]uint64
	for i := range numbers {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return c, bad
		}
		numbers[i], b = v, b[n:]
	}
	if numbers[0] > recipe.PartRecords || numbers[1] > math.MaxInt64 || numbers[2] > numbers[1] || numbers[3] > uint64(len(b)) {
		return c, bad
	}
	c.records, c.total, c.dropped = int(numbers[0]), int64(numbers[1]), int64(numbers[2])
	c.letters, c.data = b[:numbers[3]], b[numbers[3]:]
	return c, nil
}

// openLog reads what the log holds and starts to feed behind it.
func openLog(ctx context.Context, a *attempt, at protocol.SplitState) (*inputLog, error) {
	l := &inputLog{a: a, chunks: map[uint64]chunk{}, seqs: map[uint64]uint64{}, low: at.N, next: at.N, room: make(chan struct{}, 1)}
	names := a.job.names
	err := a.job.conn.Scan(ctx, names.Input(), names.InputStep(a.step.ID), 0, func(m *bus.Stored) error {
		c, err := decodeChunk(m.Data)
		if err != nil {
			return err
		}
		n := bus.LastNumber(m.Subject)
		l.total, l.ended = max(l.total, c.total), l.ended || c.end
		l.next = max(l.next, n+1)
		if n >= at.N {
			l.chunks[n], l.seqs[n] = c, m.Seq
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the input log: %w", err)
	}
	if l.ended {
		l.cancel = func() {}
		return l, nil
	}
	node, err := a.job.build(a.step, a.l.kind)
	if err != nil {
		return nil, &failure{err}
	}
	feed, ok := node.(nodes.Feed)
	if !ok {
		return nil, &failure{fmt.Errorf("kind %s feeds nothing", a.step.Kind)}
	}
	fctx, cancel := context.WithCancel(ctx)
	l.cancel = cancel
	w := &chunkWriter{log: l, batch: nodes.Batch{Type: a.step.Outputs[0].Type}, records: make(chan fed), taken: make(chan error)}
	l.feeds.Add(1)
	go func() {
		defer l.feeds.Done()
		if err := w.run(fctx, feed, l.total); err != nil && fctx.Err() == nil {
			l.a.box.post(event{kind: evInput, err: err})
		}
	}()
	return l, nil
}

// close stops the feed. A node that is blocked in a read that can't be cancelled is left
// behind; what it still reads is not taken.
func (l *inputLog) close() {
	l.cancel()
	l.feeds.Wait()
}

// cut hands out a chunk as a frame.
func (l *inputLog) cut(ctx context.Context, h *bus.Header, act *protocol.Action) (*made, error) {
	l.mu.Lock()
	c, here := l.chunks[act.N]
	l.mu.Unlock()
	if !here {
		return nil, errNothingYet
	}
	if c.end {
		return &made{end: act.Start, ended: true}, nil
	}
	hp := *h
	hp.Type, hp.Records, hp.Ref = l.a.step.Outputs[0].Type, c.records, c.ref
	m := &made{ports: [][][]byte{{bus.AppendFrame(nil, &hp, c.data)}}, counts: [][]uint32{{uint32(c.records)}}, discarded: c.dropped, end: act.Start + 1}
	dec := json.NewDecoder(bytes.NewReader(c.letters))
	for dec.More() {
		var letter bus.DeadLetter
		if err := dec.Decode(&letter); err != nil {
			return nil, fmt.Errorf("read the input log: %w", err)
		}
		m.dead = append(m.dead, letter)
	}
	return m, nil
}

// saved makes room behind the split's checkpoint.
func (l *inputLog) saved(n uint64) {
	l.mu.Lock()
	var below uint64
	for k := l.low; k < n; k++ {
		if s := l.seqs[k]; s >= below && k+1 < l.next { // the last chunk stays: it knows the total
			below = s + 1
		}
		delete(l.chunks, k)
		delete(l.seqs, k)
	}
	l.low = max(l.low, n)
	l.mu.Unlock()
	select {
	case l.room <- struct{}{}:
	default:
	}
	if below > 0 {
		l.a.job.chore(bus.Chore{Step: l.a.step.ID, Input: below})
	}
}

// full reports whether the log is as far ahead as it may be.
func (l *inputLog) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next >= l.low+inputAhead
}

// store writes the next chunk. Another feed's chunk in its place means that this attempt
// is over.
func (l *inputLog) store(ctx context.Context, c chunk) error {
	for l.full() {
		select {
		case <-l.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(c.data) > recipe.InlineBytes {
		name, err := l.a.job.putValue(ctx, fmt.Sprintf("input%d-%d", l.a.step.ID, l.next), c.data)
		if err != nil {
			return err
		}
		c.ref, c.data = true, []byte(name)
	}
	out := l.a.job.pub.PutSync(ctx, bus.Put{Subject: l.a.job.names.InputChunk(l.a.step.ID, l.next), Data: c.append(nil)})
	switch {
	case errors.Is(out.Err, bus.ErrFull):
		return errRestart
	case out.Err != nil:
		return fmt.Errorf("write the input log: %w", out.Err)
	}
	l.mu.Lock()
	l.chunks[l.next], l.seqs[l.next] = c, out.Seq
	l.next, l.total, l.ended = l.next+1, c.total, c.end
	l.mu.Unlock()
	l.a.box.post(event{kind: evInput})
	return nil
}
