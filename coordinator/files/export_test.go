package files

import (
	"context"
	"time"
)

// FinishesFor is for tests from outside.
const FinishesFor = finishesFor

// SweepUploads is for tests from outside: it drops what has expired at a moment.
func (s *Store) SweepUploads(ctx context.Context, now time.Time) error {
	return s.sweepUploads(ctx, now)
}
