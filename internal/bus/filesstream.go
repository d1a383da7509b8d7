package bus

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
)

// Ensure makes the stream where it is missing; replicas 0 is 1. It holds most bytes at most, and
// then refuses more with ErrStore; 0 is no bound of its own. A stream that is there gets that
// bound, or keeps what it has where that is more. Where the account can't reserve so much, the
// stream has no bound of its own, and that is logged.
func (f *Files) Ensure(ctx context.Context, replicas int, most int64) error {
	s := StreamConfig{Name: FilesStream, Subjects: []string{filesPrefix + ">"}, MaxMsgsPerSubject: 1, AllowDirect: true, Replicas: replicas,
		MaxBytes: most, RefuseFull: true}
	err := f.ensure(ctx, s)
	if errors.Is(err, ErrStore) && most > 0 {
		f.c.log.Warn("the account has no room to reserve for files: what jobs write is bounded by the account alone", "bytes", most, "err", err)
		s.MaxBytes = 0
		err = f.ensure(ctx, s)
	}
	return err
}

func (f *Files) ensure(ctx context.Context, s StreamConfig) error {
	err := f.c.EnsureStream(ctx, s)
	if !errors.Is(err, ErrDiffers) {
		return err
	}
	config, _, cerr := f.c.replicas(ctx, s.Name)
	if cerr != nil {
		return cerr
	}
	state, cerr := f.c.StreamState(ctx, s.Name)
	if cerr != nil {
		return cerr
	}
	if s.MaxBytes > 0 {
		s.MaxBytes = max(s.MaxBytes, int64(state.Bytes))
	}
	config["max_bytes"], config["discard"] = json.RawMessage("-1"), json.RawMessage(`"new"`)
	if s.MaxBytes > 0 {
		config["max_bytes"] = json.RawMessage(strconv.FormatInt(s.MaxBytes, 10))
	}
	if err := f.c.api(ctx, "STREAM.UPDATE."+s.Name, config, nil); err != nil {
		return err
	}
	return f.c.EnsureStream(ctx, s)
}
