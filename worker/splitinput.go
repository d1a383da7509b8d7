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
	return &splitInput{a: a, source: source, split: nodes.Split(a.list.Splits[a.split]), call: nodes.NewCall(a.step.Outputs)}, nil
}

func (s *splitInput) close() {
	if s.reader != nil {
		_ = s.reader.Close()
	}
	s.reader, s.ahead = nil, nil
}

func (s *splitInput) saved(uint64) {}

// seek opens the split at an offset, unless the reader is there.
func (s *splitInput) seek(ctx context.Context, offset int64) error {
	if s.reader != nil && s.at == offset {
		return nil
	}
	s.close()
	for attempt := 1; ; attempt++ {
		r, err := s.source.Open(ctx, s.split, offset)
		if err == nil {
			s.reader, s.at = r, offset
			return nil
		}
		if err := s.again(ctx, attempt, err); err != nil {
			return err
		}
	}
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
	if !pause(ctx, min(step.Retry.Backoff<<min(attempt-1, 16), time.Minute)) {
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
	var letters []bus.DeadLetter
	ended, err := s.fill(ctx, h, act.Until, &letters)
	if err != nil {
		return nil, err
	}
	m, err := s.a.cut.one(h, s.call)
	if err != nil {
		return nil, err
	}
	m.dead, m.end = letters, s.at
	m.ended = ended && s.call.Out(0).Len() == 0 && len(letters) == 0
	return m, nil
}

// fill reads records until the frame is full or the split ends.
func (s *splitInput) fill(ctx context.Context, h *bus.Header, until int64, letters *[]bus.DeadLetter) (ended bool, err error) {
	out := s.call.Out(0)
	if s.ahead != nil {
		out.AppendEncoded(1, s.ahead)
		s.ahead, s.at = nil, s.after
	}
	limits := s.a.job.plan.Frame
	for attempt := 1; out.Len()+len(*letters) < limits.Records && len(out.Encoded()) < limits.Bytes && (until < 0 || s.at < until); {
		mark := s.call.Mark()
		n, size := out.Len(), len(out.Encoded())
		err := s.read()
		if err == nil {
			err = s.call.Err()
		}
		switch {
		case err == nil && out.Len() != n+1:
			return false, &failure{fmt.Errorf("kind %s read %d records at once", s.a.step.Kind, out.Len()-n)}
		case err == nil && n > 0 && len(out.Encoded()) > limits.Bytes:
			s.ahead, s.after = append([]byte(nil), out.Encoded()[size:]...), s.reader.Offset()
			s.call.Rollback(mark)
			return false, nil
		case err == nil:
			s.at, attempt = s.reader.Offset(), 1
		case errors.Is(err, io.EOF):
			s.call.Rollback(mark)
			return true, nil
		case nodes.IsPermanent(err) && s.reader.Offset() > s.at:
			s.call.Rollback(mark)
			if s.a.step.OnError == recipe.Fail {
				return false, &failure{fmt.Errorf("node %s: %w", s.a.step.Node, err)}
			}
			*letters = append(*letters, s.letter(h, len(*letters), err))
			s.at = s.reader.Offset()
		default:
			s.call.Rollback(mark)
			if err := s.again(ctx, attempt, err); err != nil {
				return false, err
			}
			attempt++
			if err := s.reopen(ctx); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// reopen opens the split anew at the current place: a reader that failed is not trusted.
func (s *splitInput) reopen(ctx context.Context) error {
	at := s.at
	s.close()
	return s.seek(ctx, at)
}

// read calls the reader and makes an error of a panic.
func (s *splitInput) read() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the source panicked: %v", p)
		}
	}()
	return s.reader.Read(s.call)
}

// letter describes a record that the source gave up: what is known is its place.
func (s *splitInput) letter(h *bus.Header, index int, err error) bus.DeadLetter {
	step := s.a.step
	l := bus.DeadLetter{
		ID: fmt.Sprintf("%d.%s.%d", step.ID, h.Ordinal(), index), Job: s.a.job.names.Job, Node: step.Node, Kind: step.Kind,
		Type: step.Outputs[0].Type, Record: json.RawMessage("null"), Reason: clip(err.Error()), Attempts: 1, At: time.Now().UTC(),
		Place: fmt.Sprintf("split %d offset %d", h.Split, s.at),
	}
	if p, ok := s.reader.(nodes.Position); ok {
		l.Place = clip(p.Position())
	}
	return l
}
