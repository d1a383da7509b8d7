package bus

import (
	"errors"
	"testing"
)

// TestFamilies: what a cluster answers while something is under way in it is no failure, and
// no answer to the question either.
func TestFamilies(t *testing.T) {
	for _, row := range []struct {
		ack      string
		is       error
		conflict bool
	}{
		{`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}`, ErrConflict, true},
		{`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"}}`, ErrBusy, false},
		{`{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"}}`, ErrBusy, false},
		{`{"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}}`, ErrTimeout, false},
		{`{"error":{"code":429,"err_code":10167,"description":"too many requests"}}`, ErrTimeout, false},
	} {
		out := parseAck([]byte(row.ack))
		if !errors.Is(out.Err, row.is) || errors.Is(out.Err, ErrConflict) != row.conflict || errors.Is(out.Err, ErrTimeout) == row.conflict {
			t.Errorf("%s: got %v, want %v", row.ack, out.Err, row.is)
		}
	}
}
