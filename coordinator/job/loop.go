package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// ending is how a run ends.
type ending struct {
	state  recipe.JobState
	reason string
}

// loop owns the accountant: it folds what comes until the job ends or has to rest.
func (r *run) loop(ctx context.Context, stop <-chan struct{}) (ending, error) {
	stops, err := r.subscribe(ctx)
	for _, f := range stops {
		defer f()
	}
	if err != nil {
		return ending{}, err
	}
	fold := time.NewTicker(foldEvery)
	defer fold.Stop()
	help := time.NewTicker(helpEvery)
	defer help.Stop()
	for {
		select {
		case <-ctx.Done():
			return ending{}, ctx.Err()
		case <-stop:
			return ending{state: recipe.JobStopped}, nil
		case f := <-r.news:
			f()
		case <-fold.C:
			if err := r.fold(ctx); err != nil {
				return ending{}, err
			}
		case <-help.C:
			r.help(ctx)
			r.watchdog(ctx)
			if err := r.sweepValues(ctx); err != nil {
				r.log.Debug("large values not swept", "err", err)
			}
		}
		if end, over := r.over(); over {
			if end.state == recipe.JobStopped {
				return end, nil // there may be no room for a fold, and the ledger keeps it all
			}
			return end, r.fold(ctx)
		}
	}
}

// over reports whether the job is at its end, and which.
func (r *run) over() (ending, bool) {
	if r.reason != "" {
		return ending{recipe.JobFailed, r.reason}, true
	}
	if !r.gap.IsZero() && (r.acct.Done() || time.Since(r.gap) > gapPatience) {
		return ending{recipe.JobFailed, r.gapReason()}, true
	}
	if r.rest != "" {
		return ending{recipe.JobStopped, r.rest}, true
	}
	for i := range r.plan.Steps {
		if f := &r.acct.Fold.Steps[i]; r.plan.Steps[i].MaxDead > 0 && f.Dead+f.Damaged > r.plan.Steps[i].MaxDead {
			return ending{recipe.JobFailed, fmt.Sprintf("node %s made more than %d dead letters (max_dead)", r.plan.Steps[i].Node, r.plan.Steps[i].MaxDead)}, true
		}
	}
	if !r.acct.Done() {
		return ending{}, false
	}
	if err := r.acct.Balance(); err != nil {
		return ending{recipe.JobFailed, err.Error()}, true
	}
	return ending{state: recipe.JobSucceeded}, true
}

// subscribe brings the ledger, the job's state and the steps' places into the loop.
func (r *run) subscribe(ctx context.Context) (stops []func(), err error) {
	post := func(f func()) {
		select {
		case r.news <- f:
		case <-ctx.Done():
		}
	}
	ledger := func(m *bus.Stored) {
		e, err := protocol.DecodeEntry(m.Data)
		post(func() { r.entry(m, e, err) })
	}
	stop, err := r.conn.Tail(ctx, r.names.Ledger(), r.names.LedgerAll(), 0, ledger)
	if err != nil {
		return stops, fmt.Errorf("read the ledger: %w", err)
	}
	stops = append(stops, stop)
	if stop, err = r.conn.Tail(ctx, r.names.State(), r.names.StateAll(), 0, func(m *bus.Stored) { post(func() { r.state(m) }) }); err != nil {
		return stops, fmt.Errorf("read the job's state: %w", err)
	}
	stops = append(stops, stop)
	if stop, err = r.conn.Subscribe(r.names.PlaceAll(), func(subject string, data []byte) { post(func() { r.placed(subject, data) }) }); err != nil {
		return stops, err
	}
	stops = append(stops, stop)
	if stop, err = r.conn.Subscribe(r.names.Alive(), func(string, []byte) { post(func() { r.moved = time.Now() }) }); err != nil {
		return stops, err
	}
	stops = append(stops, stop)
	stop, err = r.conn.Subscribe(r.names.Resting(), func(_ string, data []byte) { post(func() { _ = json.Unmarshal(data, &r.rest) }) })
	if err != nil {
		return stops, err
	}
	stops = append(stops, stop)
	stop, err = r.conn.Subscribe(r.names.Failing(), func(_ string, data []byte) { post(func() { r.failed(data) }) })
	return append(stops, stop), err
}

// entry takes one entry of the ledger.
func (r *run) entry(m *bus.Stored, e *protocol.Entry, err error) {
	r.inSequence(m.Seq)
	if err == nil {
		err = r.acct.Add(m.Seq, e, m.Time.Sub(r.began))
	}
	if err != nil {
		r.reason = fmt.Sprintf("the ledger is damaged at %s: %v", m.Subject, err)
	}
	r.moved = time.Now()
}

// inSequence notices when an entry is gone from the ledger that nobody purged: the
// ledger's sequences have no gaps, and what is below the fold's Below was purged. Where
// there are several sources, the ledger is purged source by source and gaps are normal.
func (r *run) inSequence(seq uint64) {
	want := r.ledgerSeq + 1
	if r.ledgerSeq == 0 {
		want = max(1, r.acct.Fold.Below)
	}
	if seq > want && r.gap.IsZero() && r.oneSource {
		r.log.Error("the ledger has a gap", "from", want, "to", seq)
		r.gap = time.Now()
	}
	r.ledgerSeq = seq
}

// gapReason says where an entry is missing.
func (r *run) gapReason() string {
	edge, ord, known := r.acct.Gap()
	if !known {
		if edge, ord, known = r.acct.Missing(); !known {
			return "the ledger does not balance: an entry was taken out of it"
		}
	}
	e := r.plan.Edge(edge)
	return fmt.Sprintf("edge %s (%s to %s) does not balance: the ledger's entry for frame %s was taken out of it",
		edge, r.plan.Steps[e.From].Node, r.plan.Steps[e.To].Node, ord)
}

// gapPatience is how long a job goes on behind a gap: with more entries read, the edge
// can be told.
const gapPatience = time.Second

// state takes one value of the job's state.
func (r *run) state(m *bus.Stored) {
	key, numbers := r.names.StateKey(m.Subject)
	switch {
	case key == "failure":
		r.failed(m.Data)
	case key == "splits" && len(numbers) == 1:
		var list bus.SplitList
		if json.Unmarshal(m.Data, &list) == nil {
			r.listed(numbers[0], &list)
		}
	case key == "split" && len(numbers) == 2:
		var rec bus.SplitRecord
		if json.Unmarshal(m.Data, &rec) == nil {
			r.acct.Split(numbers[0], uint32(numbers[1]), protocol.SplitState(rec))
			r.moved = time.Now()
		}
	}
}

func (r *run) placed(subject string, data []byte) {
	if step := r.names.PlaceStep(subject); step >= 0 && step < len(r.plan.Steps) {
		if pl, ok := protocol.DecodePlace(data); ok {
			r.acct.Watermark(step, pl.Cursors)
		}
	}
}

func (r *run) failed(data []byte) {
	var reason string
	if json.Unmarshal(data, &reason) == nil && r.reason == "" {
		r.reason = reason
	}
}

// fold writes what the accountant knows, with the marks, in one compare-and-set, and then
// purges the ledger below the marks.
func (r *run) fold(ctx context.Context) error {
	news := r.acct.News()
	if r.gap.IsZero() { // what is left is needed to tell where the gap is
		r.purges = append(r.purges, r.acct.Purge()...)
	}
	if !news && len(r.purges) == 0 && !r.owed {
		return nil
	}
	r.acct.Fold.Marks = r.acct.Marks()
	if r.oneSource && len(r.purges) > 0 {
		r.acct.Fold.Below = r.purges[len(r.purges)-1].Below
	}
	data, err := json.Marshal(&r.acct.Fold)
	if err != nil {
		return err
	}
	seq := r.foldSeq
	out := r.pub.PutSync(ctx, bus.Put{Subject: r.names.Fold(), Data: data, ExpectSubjectSeq: &seq})
	switch {
	case errors.Is(out.Err, bus.ErrConflict):
		return fmt.Errorf("another coordinator folds job %s", r.names.Job)
	case errors.Is(out.Err, bus.ErrTimeout): // it may have been written: the next one says the same again
		r.owed = true
		_, err := r.readFold(ctx)
		return err
	case out.Err != nil:
		return fmt.Errorf("write the fold of job %s: %w", r.names.Job, out.Err)
	}
	r.foldSeq, r.owed, r.written = out.Seq, false, r.acct.Fold.Marks
	if news && r.cfg.Show != nil {
		r.cfg.Show(r.progress())
	}
	for _, p := range r.purges {
		if err := r.purge(ctx, p); err != nil {
			r.log.Warn("ledger not purged", "err", err)
		}
	}
	r.purges = r.purges[:0]
	return nil
}

// purge removes entries that the fold covers. Where there is one source only, everything
// below the sequence is its.
func (r *run) purge(ctx context.Context, p protocol.Purge) error {
	if r.oneSource {
		return r.conn.PurgeBelow(ctx, r.names.Ledger(), p.Below)
	}
	return r.conn.PurgeSubjectBelow(ctx, r.names.Ledger(), r.names.LedgerSource(p.Source), p.Below)
}
