package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// splitInput reads a split through the node's reader. Frames are cut by size alone, so
// every attempt cuts the same ones.
type splitInput struct {
	a      *attempt
	source nodes.Source
	split  nodes.Split
	reader nodes.Reader
	at     int64 // the reader's offset, records read ahead excluded
	call   *nodes.Call
	ahead  []byte // a record read that belongs to the next frame, as encoded
	after  int64  // the offset behind it
	time   deadline
	opened context.CancelFunc // ends the context that the reader was opened with
}

func newSplitInput(a *attempt) (*splitInput, error) {
	node, err := a.job.build(a.step, a.l.kind)
	if err != nil {
		return nil, &failure{err}
	}
	source, ok := node.(nodes.Source)
	if !ok {
		return nil, &failure{fmt.Errorf("kind %s is no source", a.step.Kind)}
	}
	return &splitInput{a: a, source: source, split: nodes.Split(a.list.Splits[a.split]), call: nodes.NewCall(a.step.Outputs),
		time: deadline{limit: a.job.deadline(a.l.kind)}}, nil
}

func (s *splitInput) close() {
	if s.reader != nil {
		err := s.guard(func() error {
			_ = s.reader.Close()
			return nil
		})
		if err != nil {
			s.a.job.fail(fmt.Errorf("node %s: close: %w", s.a.step.Node, err))
		}
		s.opened()
	}
	s.reader, s.ahead = nil, nil
}

func (s *splitInput) guard(call func() error) error { return s.a.job.guard(s.a.step, call) }

func (s *splitInput) saved(uint64) {}

// seek opens the split at an offset, unless the reader is there.
func (s *splitInput) seek(ctx context.Context, offset int64) error {
	if s.reader != nil && s.at == offset {
		return nil
	}
	s.close()
	for attempt := 1; ; attempt++ {
		err := s.open(ctx, offset)
		if err == nil {
			return nil
		}
		if err := s.again(ctx, attempt, err); err != nil {
			return err
		}
	}
}

// open opens the split. The reader may keep the context that it is opened with, so that ends
// only with the reader.
func (s *splitInput) open(ctx context.Context, offset int64) error {
	ctx, cancel := context.WithCancel(ctx)
	var late *time.Timer
	if s.time.limit > 0 {
		late = time.AfterFunc(s.time.limit, cancel)
	}
	err := s.guard(func() (err error) {
		s.reader, err = s.source.Open(ctx, s.split, offset)
		return err
	})
	if late != nil && !late.Stop() && err == nil { // its context has ended
		_ = s.guard(s.reader.Close)
		err = fmt.Errorf("to open it took longer than %s", s.time.limit)
	}
	if err != nil {
		cancel()
		s.reader = nil
		return err
	}
	s.at, s.opened = offset, cancel
	return nil
}

// again waits before a read is tried again; when it is not to be, the job fails.
func (s *splitInput) again(ctx context.Context, attempt int, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	step := s.a.step
	if nodes.IsPermanent(err) || attempt >= step.Retry.Attempts {
		return &failure{fmt.Errorf("node %s can't read: %w", step.Node, err)}
	}
	s.a.job.met(step, "it could not read, and tries again", err)
	if !s.a.rest(ctx, min(step.Retry.Backoff<<min(attempt-1, 16), time.Minute)) {
		return ctx.Err()
	}
	return nil
}

// cut reads a frame that begins at act.Start.
func (s *splitInput) cut(ctx context.Context, h *bus.Header, act *protocol.Action) (*made, error) {
	if err := s.seek(ctx, act.Start); err != nil {
		return nil, err
	}
	s.call.Begin(ctx, seedOf(s.a.job.plan.Seed, s.a.step.ID, h.Ordinal()))
	s.call.Within(s.time.start(ctx))
	var lost givenUp
	ended, err := s.fill(ctx, h, act.Until, &lost)
	_ = s.time.stop(nil)
	if err != nil {
		return nil, err
	}
	m, err := s.a.cut.one(h, s.call)
	if err != nil {
		return nil, err
	}
	m.dead, m.discarded, m.end = lost.letters, lost.dropped, s.at
	m.ended = ended && s.call.Out(0).Len() == 0 && lost.count() == 0
	return m, nil
}

// givenUp is what a source gave up for one frame.
type givenUp struct {
	letters []bus.DeadLetter
	dropped int64
}

func (g *givenUp) count() int { return len(g.letters) + int(g.dropped) }

// fill reads records until the frame is full or the split ends.
func (s *splitInput) fill(ctx context.Context, h *bus.Header, until int64, lost *givenUp) (ended bool, err error) {
	out := s.call.Out(0)
	if s.ahead != nil {
		out.AppendEncoded(1, s.ahead)
		s.ahead, s.at = nil, s.after
	}
	limits := s.a.job.plan.Frame
	for attempt := 1; out.Len()+lost.count() < limits.Records && len(out.Encoded()) < limits.Bytes && (until < 0 || s.at < until); {
		mark := s.call.Mark()
		n, size := out.Len(), len(out.Encoded())
		after, err := s.read()
		if s.time.over.Load() {
			err = s.anew(ctx, err)
		}
		switch {
		case err == nil && out.Len() != n+1:
			return false, &failure{fmt.Errorf("kind %s read %d records at once", s.a.step.Kind, out.Len()-n)}
		case err == nil && n > 0 && len(out.Encoded()) > limits.Bytes:
			s.ahead, s.after = append([]byte(nil), out.Encoded()[size:]...), after
			s.call.Rollback(mark)
			return false, nil
		case err == nil:
			s.at, attempt = after, 1
		case errors.Is(err, io.EOF):
			s.call.Rollback(mark)
			return true, nil
		case nodes.IsPermanent(err) && after > s.at:
			s.call.Rollback(mark)
			switch s.a.step.OnError {
			case recipe.Fail:
				return false, &failure{fmt.Errorf("node %s gave up a record: %w", s.a.step.Node, err)}
			case recipe.Drop:
				s.a.job.met(s.a.step, "a record was dropped", err)
				lost.dropped++
			default:
				lost.letters = append(lost.letters, s.letter(h, len(lost.letters), err))
			}
			s.at = after
		default:
			s.call.Rollback(mark)
			if err := s.again(ctx, attempt, err); err != nil {
				return false, err
			}
			attempt++
			_ = s.anew(ctx, nil)
			if err := s.reopen(ctx); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// anew begins another stretch of records, which have the whole deadline; err is what the last
// record of the one before met.
func (s *splitInput) anew(ctx context.Context, err error) error {
	err = s.time.stop(err)
	s.call.Within(s.time.start(ctx))
	return err
}

// reopen opens the split anew at the current place: a reader that failed is not trusted.
func (s *splitInput) reopen(ctx context.Context) error {
	at := s.at
	s.close()
	return s.seek(ctx, at)
}

// read calls the reader, and returns the offset behind what it read. A panic is an error that
// may pass: the split is opened anew.
func (s *splitInput) read() (after int64, err error) {
	panicked := true
	s.time.next()
	err = s.guard(func() error {
		err := s.reader.Read(s.call)
		if err == nil {
			err = s.call.Err()
		}
		after, panicked = s.reader.Offset(), false
		return err
	})
	if panicked {
		return s.at, errors.New(err.Error())
	}
	return after, err
}

// letter describes a record that the source gave up: what is known is its place.
func (s *splitInput) letter(h *bus.Header, index int, err error) bus.DeadLetter {
	step := s.a.step
	l := bus.DeadLetter{
		ID: fmt.Sprintf("%d.%s.%d", step.ID, h.Ordinal(), index), Job: s.a.job.names.Job, Node: step.Node, Kind: step.Kind,
		Type: step.Outputs[0].Type, Record: json.RawMessage("null"), Reason: s.a.job.reason(err), Attempts: 1, At: time.Now().UTC(),
		Place: fmt.Sprintf("split %d offset %d", h.Split, s.at),
	}
	if p, ok := s.reader.(nodes.Position); ok {
		_ = s.guard(func() error { // without it there is the offset
			l.Place = s.a.job.bounded(p.Position())
			return nil
		})
	}
	return l
}
