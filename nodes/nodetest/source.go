package nodetest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/nodes"
)

// MaxRead is the number of records at which the run of an endless source is cut off.
const MaxRead = 10_000

// event is what one Read came to: a record, or the reason of one given up.
type event struct {
	record nodes.Record
	dead   string
	offset int64
}

// readAll reads every split to its end. With Crash it opens each split again at every
// offset and compares the rest.
func (r *run) readAll(s nodes.Source) error {
	ctx := context.Background()
	splits, err := s.Splits(ctx)
	if err != nil {
		return err
	}
	for _, split := range splits {
		events, err := r.readSplit(ctx, s, split, 0)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.dead != "" {
				r.result.Dead = append(r.result.Dead, e.dead)
			} else {
				name := r.Types.Out[0].Name
				r.result.Outs[name] = append(r.result.Outs[name], e.record)
			}
		}
		if r.Crash {
			if err := r.readAgain(ctx, s, split, events); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) readAgain(ctx context.Context, s nodes.Source, split nodes.Split, events []event) error {
	for i, e := range events {
		if len(events) > 64 && i%(len(events)/32) != 0 {
			continue
		}
		rest, err := r.readSplit(ctx, s, split, e.offset)
		if err != nil {
			return fmt.Errorf("opened again at %d: %w", e.offset, err)
		}
		want := events[i+1:]
		if len(rest) != len(want) {
			return fmt.Errorf("opened again at %d: got %d records, want %d", e.offset, len(rest), len(want))
		}
		for j := range rest {
			if rest[j].offset != want[j].offset || rest[j].dead != want[j].dead || !equal(rest[j].record, want[j].record) {
				return fmt.Errorf("opened again at %d: record %d differs: got %s, want %s",
					e.offset, j, show(rest[j].record), show(want[j].record))
			}
		}
	}
	return nil
}

// readSplit reads a split from an offset, in frames.
func (r *run) readSplit(ctx context.Context, s nodes.Source, split nodes.Split, offset int64) ([]event, error) {
	reader, err := s.Open(ctx, split, offset)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var events []event
	for len(events) < MaxRead {
		if len(events)%r.Frame == 0 {
			r.begin()
		}
		before := r.call.Out(0).Len()
		err := reader.Read(r.call)
		switch {
		case errors.Is(err, io.EOF):
			return events, nil
		case nodes.IsPermanent(err):
			events = append(events, event{dead: err.Error(), offset: reader.Offset()})
			continue
		case err != nil:
			return nil, err
		}
		if err := r.call.Err(); err != nil {
			return nil, err
		}
		out := r.call.Out(0)
		if out.Len() != before+1 {
			return nil, fmt.Errorf("one Read emitted %d records", out.Len()-before)
		}
		cursor := out.Cursor()
		var last nodes.Record
		for record, ok := cursor.Next(); ok; record, ok = cursor.Next() {
			last = record
		}
		events = append(events, event{record: last.Clone(), offset: reader.Offset()})
	}
	return events, nil
}

// feed runs a source that can't be read again.
func (r *run) feed(f nodes.Feed) error {
	name := r.Types.Out[0].Name
	return f.Feed(context.Background(), 0, func(record nodes.Record) error {
		r.result.Outs[name] = append(r.result.Outs[name], record.Clone())
		return nil
	}, func(reason error) error {
		r.result.Dead = append(r.result.Dead, reason.Error())
		return nil
	})
}
