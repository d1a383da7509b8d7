package bus

import (
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
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

// TestClusterTrouble takes what a cluster answers while it elects a leader for what it is: it
// passes, and no job fails of it.
func TestClusterTrouble(t *testing.T) {
	for _, answer := range []*server.ApiError{server.NewJSClusterIncompleteError(), server.NewJSClusterNotAssignedError(), server.NewJSClusterNotAvailError(),
		server.NewJSClusterNotLeaderError(), server.NewJSStreamOfflineError(), server.NewJSConsumerOfflineError()} {
		err := &apiError{Code: answer.Code, ErrCode: int(answer.ErrCode), Text: answer.Description}
		if !errors.Is(err, ErrTimeout) {
			t.Errorf("%v: not ErrTimeout", err)
		}
	}
}
