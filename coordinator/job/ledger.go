package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/internal/bus"
	"sluice/internal/protocol"
)

// Nobody but the coordinator removes entries of the ledger, and the fold says how many it
// removes. So at any moment between two purges the ledger's last sequence less what it
// holds is what was purged, or somebody else took an entry out, and the job fails.

const (
	lookEvery = time.Second
	// gapPatience is how long a job goes on with an entry missing: what steps below commit
	// meanwhile may tell which one it was.
	gapPatience = 2 * time.Second
)

// resume carries out the purges of the stored fold once more, since a crash may lie between
// the two, and then looks whether the ledger is whole. A coordinator that was deposed may still
// be at work: what it purged must not be taken for a theft here, nor what is purged here for one
// there.
func (r *run) resume(ctx context.Context) error {
	if r.rec.Generation == 0 {
		return nil // there is no ledger yet
	}
	err := r.fence(ctx)
	full := errors.Is(err, bus.ErrStore) // the purges make room
	if err != nil && !full || r.reason != "" {
		return err
	}
	if err := r.purgeAgain(ctx); err != nil {
		return err
	}
	if full {
		if err := r.fence(ctx); err != nil || r.reason != "" {
			return err
		}
	}
	if err := r.recallRest(ctx); err != nil {
		return err
	}
	r.whole(ctx)
	if r.gap.IsZero() {
		r.acct.Rested(nil)
	}
	return r.refold(ctx)
}

// fence writes the stored fold once more. From then on no earlier coordinator folds, and what it may
// still purge is in that fold.
func (r *run) fence(ctx context.Context) error {
	if r.foldSeq == 0 {
		return nil // nothing was folded, so nothing is purged
	}
	r.owed = time.Now()
	return r.refold(ctx)
}

// purgeAgain carries out the purges of the stored fold, in their order.
func (r *run) purgeAgain(ctx context.Context) error {
	for _, source := range slices.Sorted(maps.Keys(r.acct.Fold.Below)) {
		if _, err := r.remove(ctx, source, r.acct.Fold.Below[source]); err != nil && !errors.Is(err, bus.ErrNoStream) {
			return err
		}
	}
	return nil
}

// remove purges a source's entries below a sequence and returns how many that were. Where
// there is one source only, everything is its.
func (r *run) remove(ctx context.Context, source int, below uint64) (uint64, error) {
	if r.oneSource {
		return r.conn.PurgeBelow(ctx, r.names.Ledger(), below)
	}
	return r.conn.PurgeSubjectBelow(ctx, r.names.Ledger(), r.names.LedgerSource(source), below)
}

// purge removes what the stored fold covers. It looks before it purges: an entry that was
// taken out can't be told any more from those that are purged with it.
func (r *run) purge(ctx context.Context) {
	if len(r.purges) > 0 && !r.tried && !r.whole(ctx) {
		return
	}
	for len(r.purges) > 0 && r.gap.IsZero() {
		p, again := r.purges[0], r.tried
		r.tried = true
		n, err := r.remove(ctx, p.Source, p.Below)
		if err != nil { // it may have been carried out: it is asked for again
			r.warn(ctx, "ledger not purged", err)
			return
		}
		if n < p.Count && !(n == 0 && (again || r.carried > 0 || p.Count > 1)) {
			r.lacks(ctx, p.Count-n)
		}
		r.purges, r.tried, r.carried = r.purges[1:], false, max(0, r.carried-1)
	}
}

// carriedOut returns how many of the purges that are due make up the n entries that are missing. Who
// takes a job up with a full store carries them out in their order, before it can write the fold as
// its own. One entry alone that is missing may be stolen.
func carriedOut(due []protocol.Purge, n uint64) int {
	for i, p := range due {
		if n == p.Count && (i > 0 || n > 1) {
			return i + 1
		}
		if n < p.Count {
			break
		}
		n -= p.Count
	}
	return 0
}

// watchLedger looks now and then whether the ledger is whole. Where it is not, it looks
// for the edge.
func (r *run) watchLedger(ctx context.Context) {
	switch {
	case !r.gap.IsZero():
		r.locate(ctx)
	case time.Since(r.looked) >= lookEvery:
		r.whole(ctx)
	}
}

// settled reports whether all purges were carried out and the ledger is whole.
func (r *run) settled(ctx context.Context) bool {
	return r.owed.IsZero() && len(r.purges) == 0 && r.whole(ctx)
}

// whole reports whether the ledger holds all that was not purged; false also where nobody
// knows, since a request was not answered.
func (r *run) whole(ctx context.Context) bool {
	if !r.gap.IsZero() || r.tried {
		return false
	}
	st, err := r.conn.StreamState(ctx, r.names.Ledger())
	switch {
	case errors.Is(err, bus.ErrNoStream) && r.foldSeq > 0:
		r.reason = goneReason(r.names.Ledger())
		return false
	case err != nil:
		r.log.Debug("state of the ledger not read", "err", err)
		return false
	}
	r.looked = time.Now()
	var due uint64
	for _, p := range r.purges {
		due += p.Count
	}
	purged, missing := r.acct.Fold.Purged-due, st.Last-st.Msgs
	r.carried = 0
	if missing <= purged {
		return true
	}
	if r.carried = carriedOut(r.purges, missing-purged); r.carried > 0 {
		return true
	}
	r.lacks(ctx, missing-purged)
	return false
}

// lacks notes that entries were taken out of the ledger. From now on nothing is purged:
// what is left is needed to tell the edge. The fold is written once more in any case: where that is
// refused, another coordinator has taken the job up and may have purged, and nothing was taken out.
func (r *run) lacks(ctx context.Context, n uint64) {
	r.log.Error("entries were taken out of the ledger", "count", n)
	r.gap = time.Now()
	if r.owed.IsZero() {
		r.owed = r.gap
	}
	r.locate(ctx)
}

// locate looks for the edge at which an entry is missing, and makes the job fail where that
// is sure, or where nothing more is learnt by waiting.
func (r *run) locate(ctx context.Context) {
	loss, err := r.search(ctx)
	switch {
	case err != nil:
		r.log.Debug("the ledger was not searched", "err", err)
	case loss.Trust > r.loss.Trust || r.loss.Edge == "":
		r.loss = loss
	}
	if r.reason != "" || r.loss.Trust < protocol.Sure && time.Since(r.gap) < gapPatience {
		return
	}
	if r.loss.Edge == "" {
		r.reason = "the ledger does not balance: an entry was taken out of it"
		return
	}
	what := fmt.Sprintf("the ledger's entry for frame %s was taken out of it", r.loss.Ord)
	if r.loss.Trust < protocol.Sure {
		what = fmt.Sprintf("an entry was taken out of the ledger, by all signs that for frame %s", r.loss.Ord)
	}
	r.reason = fmt.Sprintf("%s does not balance: %s", r.edgeName(r.loss.Edge), what)
}

// search reads all that the ledger holds, for the accountant to find what it does not. What
// waits on the edges is read first: the entries of what made it are in the ledger by then.
func (r *run) search(ctx context.Context) (protocol.Loss, error) {
	waiting, err := r.waiting(ctx)
	if err != nil { // the ledger tells something by itself
		r.log.Debug("what waits on the edges was not read", "err", err)
	}
	held, last, err := r.held(ctx)
	if err != nil {
		return protocol.Loss{}, err
	}
	return r.acct.Gap(held, last, waiting), nil
}

// held reads all that the ledger holds, and before it its last sequence.
func (r *run) held(ctx context.Context) (held []protocol.Held, last uint64, err error) {
	st, err := r.conn.StreamState(ctx, r.names.Ledger())
	if err != nil {
		return nil, 0, err
	}
	err = r.conn.Scan(ctx, r.names.Ledger(), r.names.LedgerAll(), 0, func(m *bus.Stored) error {
		e, err := protocol.DecodeEntry(m.Data)
		if err == nil {
			err = r.acct.Check(m.Seq, e)
		}
		held = append(held, protocol.Held{Seq: m.Seq, Entry: e})
		return err
	})
	return held, st.Last, err
}
