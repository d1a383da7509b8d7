package files

import (
	"context"
	"time"
)

// FinishesFor is for tests from outside.
const FinishesFor = finishesFor

// Mark is for tests from outside: it begins to finish an upload, and no more.
func (s *Store) Mark(ctx context.Context, id string) error {
	_, _, _, err := s.mark(ctx, id)
	return err
}

// SweepUploads is for tests from outside: it drops what has expired at a moment.
func (s *Store) SweepUploads(ctx context.Context, now time.Time) error {
	return s.sweepUploads(ctx, now)
}
