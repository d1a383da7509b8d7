package worker

import (
	"context"
	"errors"
	"time"

	"sluice/internal/bus"
)

// saidAfter is how long a worker waits for the stream of jobs before it says that it does: a
// coordinator that starts beside it has made it by then.
const saidAfter = 3 * time.Second

// follow hears of jobs, as soon as there is a stream of them: until then no coordinator was here,
// or the servers elect a leader. Where that lasts, it is said what may be wrong.
func (w *Worker) follow(ctx context.Context, heard func(*bus.Stored)) (stop func(), err error) {
	said := time.Now().Add(saidAfter)
	for {
		stop, err = w.cfg.Conn.Tail(ctx, bus.JobsStream, bus.JobsFilter, 0, heard)
		if !passes(err) {
			return stop, err
		}
		w.log.Debug("the stream of jobs is not there", "err", err)
		if !said.IsZero() && time.Now().After(said) {
			w.missed(err)
			said = time.Time{}
		}
		if !pause(ctx, troubleWait) {
			return stop, err
		}
	}
}

// missed says what may be wrong where no jobs are heard of.
func (w *Worker) missed(err error) {
	if errors.Is(err, bus.ErrNoStream) {
		w.log.Warn("nothing is worked on yet: no coordinator has ever been in this NATS account",
			"hint", "does a coordinator of the project run, and is the key that of the project's workers (worker.nk, not control.nk or another project's)?")
		return
	}
	w.log.Warn("nothing is worked on yet: the NATS server does not answer who asks for jobs", "err", err,
		"hint", "is JetStream on, and are the credentials those of the project's workers?")
}

// namesakeWithin bounds the question whether another worker has the name.
const namesakeWithin = 2 * time.Second

// namesake warns where another worker of this name was heard a moment ago. It may also be this one,
// before it was killed; of two that go on the coordinators tell.
func (w *Worker) namesake(ctx context.Context) {
	if w.news == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, namesakeWithin)
	defer cancel()
	m, err := w.cfg.Conn.Last(ctx, bus.WorkersStream, bus.WorkerSubject(w.cfg.Name))
	var rec bus.WorkerRecord
	if err != nil || bus.DecodeRecord(m.Data, &rec) != nil || rec.Left {
		return
	}
	w.log.Warn("another worker of this name was heard a moment ago: names are unique, give each its own --name",
		"name", rec.Name, "host", rec.Host, "pid", rec.PID, "heard", w.cfg.Conn.Age(m.Time).Round(time.Second))
}
