package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// storedFold is the fold as it is stored: with the word of the run that wrote it, by which a
// coordinator knows its own write again when the answer to it was lost.
type storedFold struct {
	protocol.Fold
	Run string `json:"run"`
}

// foldPatience is how long a coordinator tries to write a fold, or to learn whether it is
// written.
const foldPatience = time.Minute

// readFold reads what an earlier coordinator had folded.
func (r *run) readFold(ctx context.Context) (protocol.Fold, error) {
	stored, seq, err := r.lookFold(ctx)
	r.foldSeq = seq
	return stored.Fold, err
}

// lookFold reads the stored fold and its sequence, the zero values when there is none.
func (r *run) lookFold(ctx context.Context) (storedFold, uint64, error) {
	var fold storedFold
	m, err := r.conn.Latest(ctx, r.names.State(), r.names.Fold())
	if errors.Is(err, bus.ErrNotFound) || errors.Is(err, bus.ErrNoStream) || errors.Is(err, bus.ErrGone) {
		return fold, 0, nil
	}
	if err == nil {
		err = bus.DecodeRecord(m.Data, &fold)
	}
	if err != nil {
		return fold, 0, fmt.Errorf("read the fold of job %s: %w", r.names.Job, err)
	}
	return fold, m.Seq, nil
}

// fold writes what the accountant knows, with the marks, in one compare-and-set, and then
// purges the ledger below the marks.
func (r *run) fold(ctx context.Context) error {
	news := r.acct.News()
	if r.gap.IsZero() && len(r.purges) == 0 {
		r.purges = r.acct.Purge()
	}
	if !news && len(r.purges) == 0 && r.owed.IsZero() {
		return nil
	}
	r.acct.RaiseMarks()
	data, err := bus.EncodeRecord(storedFold{r.acct.Fold, r.rec.Run})
	if err != nil {
		return err
	}
	seq := r.foldSeq
	out := r.pub.PutSync(ctx, bus.Put{Subject: r.names.Fold(), Data: data, ExpectSubjectSeq: &seq})
	if out.Err != nil {
		return r.unfolded(ctx, out.Err)
	}
	r.foldSeq, r.owed, r.written = out.Seq, time.Time{}, r.acct.Fold.Marks
	r.tellMarks()
	if r.cfg.Folded != nil {
		r.cfg.Folded()
	}
	if news && r.shower != nil {
		r.shower.show(r.progress())
	}
	r.purge(ctx)
	return nil
}

// tellMarks tells the sources how far the job is: they keep near it. Nobody stores that, so
// it is told from time to time.
func (r *run) tellMarks() {
	for source, m := range r.acct.Fold.Marks {
		_ = r.conn.Send(r.names.Place(source), m.Place().Append(nil))
	}
}

// unfolded decides what a fold means that was not taken, or not answered. One that may
// still be written, now or later, is told by its run; then the next one, which says
// the same and more, is written behind it.
func (r *run) unfolded(ctx context.Context, why error) error {
	if r.owed.IsZero() {
		r.owed = time.Now()
	}
	switch {
	case errors.Is(why, bus.ErrNoStream):
		r.stood = time.Time{}
		r.streamsStand(ctx)
	case !errors.Is(why, bus.ErrConflict) && !errors.Is(why, bus.ErrTimeout):
		return fmt.Errorf("write the fold of job %s: %w", r.names.Job, why)
	}
	if time.Since(r.owed) > foldPatience {
		return fmt.Errorf("write the fold of job %s: %w", r.names.Job, why)
	}
	stored, seq, err := r.lookFold(ctx)
	switch {
	case err != nil:
		r.warn(ctx, "the fold is not known to be written", err)
	case seq > r.foldSeq && stored.Run != r.rec.Run:
		return fmt.Errorf("%w folds job %s", errAnother, r.names.Job)
	default:
		r.foldSeq = max(r.foldSeq, seq)
	}
	return nil
}

// refold writes the fold once more, until it is known to be stored: then no other coordinator has
// folded since, nor can one that began before. It ends early where it finds why the job must fail.
func (r *run) refold(ctx context.Context) error {
	for reason := r.reason; !r.owed.IsZero() && r.reason == reason; {
		if err := r.fold(ctx); err != nil || r.owed.IsZero() {
			return err
		}
		select {
		case <-time.After(writeAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// last folds for the last time, before the job's end is written, and reports whether that is
// all there is to do. A job that failed may be unable to fold, and one that rests may have no
// room: the ledger keeps it all.
func (r *run) last(ctx context.Context, end ending) (bool, error) {
	if end.state == recipe.JobStopped {
		return true, nil
	}
	err := r.fold(ctx)
	if end.state == recipe.JobSucceeded {
		if err != nil {
			return true, err
		}
		return r.settled(ctx), nil
	}
	if errors.Is(err, errAnother) { // what made the job fail here may be its doing
		return true, err
	}
	if !r.gap.IsZero() { // so may what is missing, until the fold is known to be stored
		return err != nil || r.owed.IsZero(), err
	}
	if err != nil {
		r.warn(ctx, "the last fold is not written", err)
	}
	return true, nil
}

// warn logs what was not done. Where that is because the run was told to end, it is no
// trouble: whoever goes on with the job does it.
func (r *run) warn(ctx context.Context, what string, err error) {
	level := hclog.Warn
	if ctx.Err() != nil {
		level = hclog.Debug
	}
	r.log.Log(level, what, "err", err)
}

// errAnother is that of a coordinator that is not alone at its job.
var errAnother = errors.New("another coordinator")
