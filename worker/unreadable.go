package worker

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

// unreadable is the error of a payload that is damaged, or whose value is not stored.
type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }

// errLate is answered for a copy of a frame that everybody is done with: the coordinator
// has deleted what it refers to.
var errLate = errors.New("everybody is done with the frame")

// missed decides about a frame whose payload could not be read, for cause. The mark is read
// behind the attempt: a value is deleted only below a mark that was written before. nil
// means that the verdict is dead; where the ledger already says that the records were seen,
// nobody can make what it promises any more, and the job fails.
func (r *jobRun) missed(ctx context.Context, step *recipe.Step, e *recipe.Edge, h *bus.Header, follow *protocol.Entry, cause error) error {
	if u := (*unreadable)(nil); !errors.As(cause, &u) {
		return cause
	}
	for {
		below, err := r.below(ctx, step.Lanes[h.Lane].Source, h.Ordinal())
		switch {
		case err != nil:
			if !pause(ctx, troubleWait) {
				return ctx.Err()
			}
			continue
		case below:
			return errLate
		case follow != nil && follow.Verdict == protocol.Run:
			return &failure{fmt.Errorf("edge %s: frame %s can't be read any more, and the ledger says that its records were seen: %w", e.ID, h.Ordinal(), cause)}
		}
		r.log.Warn("a frame's payload can't be read", "edge", e.ID, "step", step.Node, "frame", h.Ordinal().String(), "err", cause)
		return nil
	}
}
