package events

import (
	"context"
	"slices"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// Workers come and leave in a project, and not in a job: each is told of once, whatever the number of
// jobs. Among a job's events stand those of the workers that serve it: they are found by who reads.

// workers is what a filter of one job is turned into to find the events of workers.
func workers(f *coordinator.EventFilter) coordinator.EventFilter {
	return coordinator.EventFilter{Types: []coordinator.EventType{coordinator.EventWorker}, Levels: f.Levels}
}

// beside gives a subscription of a job its workers, where it wants them.
func (l *Log) beside(ctx context.Context, s *Subscription) (err error) {
	f := &s.filter
	if f.Job != "" && l.cfg.Serves != nil && (len(f.Types) == 0 || slices.Contains(f.Types, coordinator.EventWorker)) {
		s.serves, err = l.cfg.Serves(ctx, f.Job)
	}
	return err
}

// wants reports whether an event is one of a subscription's.
func (s *Subscription) wants(e *Entry) bool {
	if s.filter.Matches(&e.Event) {
		return true
	}
	if s.serves == nil || e.Job != "" || e.Type != coordinator.EventWorker {
		return false
	}
	f := workers(&s.filter)
	w := e.worker()
	return w != nil && f.Matches(&e.Event) && s.serves(w, e.At)
}

// arrivals reads what is stored of a subscription's workers behind one event and up to another: at
// most as many as are kept of a type.
func (l *Log) arrivals(ctx context.Context, s *Subscription, last, end uint64) (all []*Entry, err error) {
	if s.serves == nil || end <= last {
		return nil, nil
	}
	err = l.conn.Scan(ctx, Stream, prefix+noJob+"."+string(coordinator.EventWorker)+".*", last+1, func(m *bus.Stored) error {
		e, err := read(m)
		switch {
		case m.Seq > end:
			return errPage
		case err != nil:
			l.log.Error("an event does not decode", "subject", m.Subject, "err", err)
		case s.wants(e):
			all = append(all, e)
		}
		return nil
	})
	return all, ignorePage(err)
}
