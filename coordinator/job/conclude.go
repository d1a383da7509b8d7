package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// finishWithin bounds Config.Finish.
const finishWithin = time.Minute

// concludeWithin bounds the writing of a job's end: an election may come between.
const concludeWithin = 30 * time.Second

// ErrUnwritten says that a job was brought to rest, and that there was no room to write it down: by
// what is stored it runs, and so workers go on with it where they can.
var ErrUnwritten = errors.New("the job rests, but there was no room to write it down")

// finish lets the caller have its say before the job has succeeded.
func (r *run) finish(end ending) (ending, error) {
	if end.state != recipe.JobSucceeded || r.cfg.Finish == nil {
		return end, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	reason, err := r.cfg.Finish(ctx)
	if reason != "" {
		end = ending{recipe.JobFailed, reason}
	}
	return end, err
}

// conclude writes the end of the job, or that it rests, and removes what is not needed
// any more.
func (r *run) conclude(end ending) (recipe.Progress, error) {
	end, err := r.finish(end)
	if err != nil {
		return r.progress(), err
	}
	ctx, cancel := context.WithTimeout(context.Background(), concludeWithin)
	defer cancel()
	r.rec.Reason = end.reason
	err = r.write(ctx, end.state)
	if end.state == recipe.JobStopped && errors.Is(err, bus.ErrStore) {
		err = fmt.Errorf("%w: %w", ErrUnwritten, err)
	}
	if err != nil {
		return r.progress(), err
	}
	if end.state == recipe.JobStopped {
		r.settle(ctx)
	}
	if end.state.Final() && !r.cfg.Keep {
		if err := r.sweep(ctx); err != nil {
			r.log.Warn("streams of a job at its end were not removed", "err", err)
		}
	}
	return r.progress(), nil
}

// Remove deletes all that is stored of a job that has ended, its record last. It may be called
// again.
func Remove(ctx context.Context, conn *bus.Conn, id recipe.JobID) error {
	all, err := conn.Streams(ctx, bus.Names{Job: id}.Prefix())
	if err != nil {
		return err
	}
	if err := inParallel(all, func(s string) error { return conn.DeleteStream(ctx, s) }); err != nil {
		return err
	}
	return conn.PurgeSubject(ctx, bus.JobsStream, bus.JobSubject(id))
}

// sweep deletes the job's streams, but for its dead letters and its state, where the
// totals are.
func (r *run) sweep(ctx context.Context) error {
	keep := []string{r.names.State()}
	for i := range r.acct.Fold.Steps {
		if r.acct.Fold.Steps[i].Dead > 0 {
			keep = append(keep, r.names.Dead(), r.names.Values())
			break
		}
	}
	all, err := r.conn.Streams(ctx, r.names.Prefix())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s string) bool { return slices.Contains(keep, s) })
	return inParallel(all, func(s string) error {
		err := r.conn.DeleteStream(ctx, s)
		if errors.Is(err, bus.ErrNoStream) {
			return nil
		}
		return err
	})
}
