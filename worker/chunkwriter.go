package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/nodes"
	"sluice/recipe"
)

// chunkWriter makes chunks of what a node feeds: as many records as are waiting, at most
// a frame. A chunk is written while the next one fills.
type chunkWriter struct {
	log     *inputLog
	batch   nodes.Batch
	records chan fed // from the node; it waits for taken
	taken   chan error
	total   int64
	lost    givenUp
	failed  error // by on_error
}

// fed is what the node hands over: a record, or the reason why one was given up.
type fed struct {
	record nodes.Record
	lost   error
}

// run feeds until the input ends, and then writes the chunk that says so.
func (w *chunkWriter) run(ctx context.Context, feed nodes.Feed, skip int64) error {
	w.total = skip
	over := make(chan error, 1)
	go func() {
		over <- w.log.a.job.guard(w.log.a.step, func() error {
			return feed.Feed(ctx, skip, func(r nodes.Record) error { return w.emit(ctx, fed{record: r}) },
				func(reason error) error { return w.emit(ctx, fed{lost: reason}) })
		})
	}()
	var writing chan error // of the chunk that is being written
	ended := false
	for {
		if writing == nil && w.batch.Len()+w.lost.count() > 0 {
			writing = w.write(ctx)
		}
		if writing == nil && ended {
			return w.log.store(ctx, chunk{end: true, total: w.total})
		}
		in := w.records
		if ended || w.full() {
			in = nil
		}
		select {
		case r := <-in:
			w.taken <- w.take(r)
			if w.failed != nil {
				return w.failed
			}
		case err := <-writing:
			if err != nil {
				return err
			}
			writing = nil
		case err := <-over:
			if err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return &failure{fmt.Errorf("node %s can't read: %w", w.log.a.step.Node, err)}
			}
			ended, over = true, nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// emit hands a record over and waits until it is taken.
func (w *chunkWriter) emit(ctx context.Context, f fed) error {
	select {
	case w.records <- f:
		return <-w.taken
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *chunkWriter) take(f fed) error {
	if f.lost != nil {
		w.lose(f.lost)
		return w.failed
	}
	r := f.record
	if r.Type() != w.batch.Type {
		return nodes.Permanentf("the kind emitted a record of type %s where its port has %s", r.Type(), w.batch.Type)
	}
	if r.Size() > recipe.MaxRecord {
		return nodes.Permanentf("a record of %d bytes was read; a record may have %d", r.Size(), recipe.MaxRecord)
	}
	w.batch.Append(r)
	w.total++
	return nil
}

// lose does with a record that the node gave up what on_error says.
func (w *chunkWriter) lose(reason error) {
	w.total++
	a := w.log.a
	switch a.step.OnError {
	case recipe.Fail:
		w.failed = &failure{fmt.Errorf("node %s gave up a record: %w", a.step.Node, reason)}
		return
	case recipe.Drop:
		a.job.met(a.step, "a record was dropped", reason)
		w.lost.dropped++
		return
	}
	w.lost.letters = append(w.lost.letters, bus.DeadLetter{
		ID: fmt.Sprintf("%d.input-%d.0", a.step.ID, w.total-1), Job: a.job.names.Job, Node: a.step.Node, Kind: a.step.Kind,
		Type: w.batch.Type, Record: json.RawMessage("null"), Reason: a.job.reason(reason), Attempts: 1, At: time.Now().UTC(),
		Place: fmt.Sprintf("record %d of the input", w.total),
	})
}

func (w *chunkWriter) full() bool {
	limits := w.log.a.job.plan.Frame
	return w.batch.Len()+w.lost.count() >= limits.Records || len(w.lost.letters) >= protocol.LettersAtOnce || len(w.batch.Encoded()) >= limits.Bytes
}

// write stores the batch as a chunk, in a goroutine of its own: the log's place is only
// moved by one at a time.
func (w *chunkWriter) write(ctx context.Context) chan error {
	c := chunk{records: w.batch.Len(), total: w.total, dropped: w.lost.dropped, data: append([]byte(nil), w.batch.Encoded()...)}
	if len(w.lost.letters) > 0 {
		c.letters = deadData(w.lost.letters)
	}
	w.lost = givenUp{}
	w.batch.Reset()
	done := make(chan error, 1)
	go func() { done <- w.log.store(ctx, c) }()
	return done
}
