package nodes

import (
	"errors"
	"fmt"
	"time"
)

// A node answers nil, or an error of one of four sorts for the record in hand: what
// [Permanent] made (it becomes a dead letter at once), what [RetryAfter] made (tried
// again after the given time), [ErrOutgrown] and its like from the engine, or a plain
// error (tried again with backoff, as the step's retry setting says). Whatever the
// record had emitted before the error is taken back.

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that trying again can't mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// Permanentf is Permanent of fmt.Errorf.
func Permanentf(format string, args ...any) error { return permanent{fmt.Errorf(format, args...)} }

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

type retryAfter struct {
	error
	after time.Duration
}

func (r retryAfter) Unwrap() error { return r.error }

// RetryAfter marks an error that may pass when the record is tried again after d.
func RetryAfter(d time.Duration, err error) error { return retryAfter{err, d} }

// AfterOf returns the time that RetryAfter put into err.
func AfterOf(err error) (time.Duration, bool) {
	var r retryAfter
	if errors.As(err, &r) {
		return r.after, true
	}
	return 0, false
}

// ErrIdle is what a live source's Read answers when nothing is waiting now.
var ErrIdle = errors.New("nothing is waiting")

// ErrNoRoom is what a sink wraps when the disk that it writes to is full. Nothing is wrong
// with the record: the job comes to rest and can be gone on with when there is room.
var ErrNoRoom = errors.New("the disk is full")

// ErrOutgrown is what Emit answers when a frame's output passed its bound.
var ErrOutgrown = permanent{errors.New("the records made of this one pass the bound of a frame's output")}
