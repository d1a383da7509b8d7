package worker

import (
	"context"
	"fmt"

	"sluice/nodes"
	"sluice/recipe"
)

// chunkWriter makes chunks of what a node feeds: as many records as are waiting, at most
// a frame. A chunk is written while the next one fills.
type chunkWriter struct {
	log     *inputLog
	batch   nodes.Batch
	records chan nodes.Record // from the node; it waits for taken
	taken   chan error
	total   int64
}

// run feeds until the input ends, and then writes the chunk that says so.
func (w *chunkWriter) run(ctx context.Context, feed nodes.Feed, skip int64) error {
	w.total = skip
	fed := make(chan error, 1)
	go func() {
		fed <- feed.Feed(ctx, skip, func(r nodes.Record) error { return w.emit(ctx, r) })
	}()
	var writing chan error // of the chunk that is being written
	ended := false
	for {
		if writing == nil && w.batch.Len() > 0 {
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
		case err := <-writing:
			if err != nil {
				return err
			}
			writing = nil
		case err := <-fed:
			if err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return &failure{fmt.Errorf("node %s can't read: %w", w.log.a.step.Node, err)}
			}
			ended, fed = true, nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// emit hands a record over and waits until it is taken.
func (w *chunkWriter) emit(ctx context.Context, r nodes.Record) error {
	select {
	case w.records <- r:
		return <-w.taken
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *chunkWriter) take(r nodes.Record) error {
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

func (w *chunkWriter) full() bool {
	limits := w.log.a.job.plan.Frame
	return w.batch.Len() >= limits.Records || len(w.batch.Encoded()) >= limits.Bytes
}

// write stores the batch as a chunk, in a goroutine of its own: the log's place is only
// moved by one at a time.
func (w *chunkWriter) write(ctx context.Context) chan error {
	c := chunk{records: w.batch.Len(), total: w.total, data: append([]byte(nil), w.batch.Encoded()...)}
	w.batch.Reset()
	done := make(chan error, 1)
	go func() { done <- w.log.store(ctx, c) }()
	return done
}
