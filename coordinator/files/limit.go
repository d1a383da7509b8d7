package files

import (
	"cmp"
	"context"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// What the stream of files may hold beside what artifacts may have: what running jobs write
// before it is theirs, and what is not swept yet.
const (
	spareShare = 4 // a quarter
	spareLeast = 4 << 20
)

// limit fills the limits in. most is what the stream of files may hold, 0 for no bound of its own:
// so files do not take the room of the project's jobs.
func (c *Config) limit(ctx context.Context) (most int64, err error) {
	l := &c.Limits
	if l.Bytes == 0 {
		store, _, err := c.Conn.MaxStore(ctx)
		if err != nil {
			return 0, faultOf(err)
		}
		if store > 0 {
			l.Bytes = min(coordinator.DefaultFileBytes, max(1, store/2/int64(max(1, c.Replicas))))
		}
	}
	if l.Bytes > 0 {
		most = l.Bytes + max(l.Bytes/spareShare, spareLeast)
	}
	l.Bytes = cmp.Or(l.Bytes, coordinator.DefaultFileBytes)
	l.Size = min(cmp.Or(l.Size, coordinator.DefaultFileSize), l.Bytes)
	l.Number = cmp.Or(l.Number, coordinator.DefaultFileNumber)
	return most, nil
}

// aside is the bytes of a stored chunk that are not the file's, at most.
const aside = 1 << 10

// stored reports whether the stream has room for so much more: it holds also what running jobs
// write, which is no artifact yet.
func (s *Store) stored(ctx context.Context, bytes int64) error {
	state, err := s.cfg.Conn.StreamState(ctx, bus.FilesStream)
	if err != nil {
		return faultOf(err)
	}
	held := int64(state.Bytes) - aside*int64(state.Msgs)
	if limit := s.cfg.Limits.Bytes; held+bytes > limit {
		return coordinator.Faultf(coordinator.OverLimit, "the files of the project may have %d bytes; they have %d with what running jobs write, and this would add %d: delete some first",
			limit, held, bytes)
	}
	return nil
}
