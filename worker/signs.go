package worker

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"sluice/internal/bus"
)

// signEvery is how often a worker tells the coordinator what it is at.
const signEvery = time.Second

// signs are what a worker is at, of one job. A frame may take long, and a source may wait
// long for its input: without a sign the coordinator would take the job for dead.
type signs struct {
	busy    atomic.Int64 // nodes at work, or waiting before they try again
	did     atomic.Bool  // a node was at work since the last sign
	sources []atSource   // by step
}

type atSource struct {
	hands atomic.Int64 // messages of the source's queue in hand
	had   atomic.Bool  // there was one since the last sign
}

// atWork says that a node is at work until the function that it returns is called.
func (r *jobRun) atWork() func() {
	r.signs.busy.Add(1)
	r.meter().Busy(1)
	return func() {
		r.signs.did.Store(true)
		r.signs.busy.Add(-1)
		r.meter().Busy(-1)
	}
}

// atSource says that a source is listed or read until the function that it returns is
// called.
func (r *jobRun) atSource(step int) func() {
	s := &r.signs.sources[step]
	s.hands.Add(1)
	return func() {
		s.had.Store(true)
		s.hands.Add(-1)
	}
}

// live gives the signs until ctx ends.
func (r *jobRun) live(ctx context.Context) {
	for pause(ctx, signEvery) {
		s := bus.Sign{Busy: r.signs.did.Swap(false) || r.signs.busy.Load() > 0}
		for i := range r.signs.sources {
			if at := &r.signs.sources[i]; at.had.Swap(false) || at.hands.Load() > 0 {
				s.Sources = append(s.Sources, i)
			}
		}
		if s.Busy || len(s.Sources) > 0 {
			r.sign(s)
		}
	}
}

func (r *jobRun) sign(s bus.Sign) {
	s.Worker, s.Run = r.w.cfg.Name, r.rec.Generation
	data, _ := json.Marshal(s)
	_ = r.conn.Send(r.names.Alive(), data)
}
