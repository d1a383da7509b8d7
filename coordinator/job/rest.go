package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
)

// storedRest is what the ledger held when a start of the job had come to rest, as it is
// stored.
type storedRest struct {
	protocol.Rest
	Generation uint64 `json:"generation"`
}

// settleWithin is how long a job that rests waits for its workers to have done so.
const settleWithin = 1200 * time.Millisecond

// hearWorkers brings the workers' signs into the loop. It is called before they are told of
// the job.
func (r *run) hearWorkers(ctx context.Context) (stop func(), err error) {
	ctx, deaf := context.WithCancel(ctx)
	end, err := r.conn.Subscribe(r.names.Alive(), func(_ string, data []byte) {
		select {
		case r.news <- func() { r.alive(data) }:
		case <-ctx.Done():
		}
	})
	if err != nil {
		deaf()
		return nil, err
	}
	return func() { deaf(); end() }, nil
}

// settle waits for the workers, which were told that the job rests, and writes down what the
// ledger holds then: so a theft from it is known later, whatever was taken. What a worker
// that is dead, or slow, has left open is not waited for.
func (r *run) settle(ctx context.Context) {
	over := time.NewTimer(settleWithin)
	defer over.Stop()
	for waiting := true; waiting && len(r.here) > 0; {
		select {
		case f := <-r.news:
			f()
		case <-over.C:
			waiting = false
		}
	}
	if err := r.writeRest(ctx); err != nil {
		r.log.Debug("what the ledger holds was not written down", "err", err)
	}
}

func (r *run) writeRest(ctx context.Context) error {
	held, last, err := r.held(ctx)
	if err != nil {
		return err
	}
	data, err := bus.EncodeRecord(storedRest{*r.acct.Rest(held, last), r.rec.Generation})
	if err != nil {
		return err
	}
	return r.pub.PutSync(ctx, bus.Put{Subject: r.names.Rest(), Data: data}).Err
}

// recallRest reads what the ledger held when the last start of the job had come to rest. One
// that was killed has left nothing.
func (r *run) recallRest(ctx context.Context) error {
	m, err := r.conn.Last(ctx, r.names.State(), r.names.Rest())
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrNoStream) || errors.Is(err, bus.ErrGone) {
		return nil
	}
	var rest storedRest
	if err == nil {
		err = bus.DecodeRecord(m.Data, &rest)
	}
	if err != nil {
		return fmt.Errorf("read how job %s came to rest: %w", r.names.Job, err)
	}
	if rest.Generation == r.rec.Generation {
		r.acct.Rested(&rest.Rest)
	}
	return nil
}
