package bus

import (
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestConflictCodes gives the two answers of a server to a compare-and-set that came too late:
// one for what is stored, and one, in a cluster, for what is on its way to be.
func TestConflictCodes(t *testing.T) {
	for _, answer := range []*server.ApiError{server.NewJSStreamWrongLastSequenceError(7), server.NewJSStreamWrongLastSequenceConstantError()} {
		err := &apiError{Code: answer.Code, ErrCode: int(answer.ErrCode), Text: answer.Description}
		if !errors.Is(err, ErrConflict) {
			t.Errorf("%v: not ErrConflict", err)
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
