package bus

import (
	"encoding/json"
	"errors"
	"fmt"
)

// What can become of a request or a publish. They are matched with errors.Is; the
// error at hand says more.
var (
	// ErrFull: the subject holds as many messages as its stream allows.
	ErrFull = errors.New("subject is full")
	// ErrExists is ErrFull as callers of one-message-per-subject streams read it:
	// somebody else was first.
	ErrExists = ErrFull
	// ErrConflict: the expected last sequence is not the last one.
	ErrConflict = errors.New("wrong last sequence")
	// ErrNoStream: no stream takes the subject, or the expected stream is another.
	ErrNoStream = errors.New("no such stream")
	// ErrTimeout: no answer came in time, or a cluster that has no leader can't give one now.
	// Whether the request was carried out is unknown.
	ErrTimeout = errors.New("no answer in time")
	// ErrDisconnected: the connection was lost before the answer came. It is also
	// an ErrTimeout: whether the request was carried out is unknown.
	ErrDisconnected = fmt.Errorf("connection lost: %w", ErrTimeout)
	// ErrBusy: another write of the subject is under way in the cluster, or one with the same
	// message id, and how it ends is not known: asked again, the answer is the other's. It is
	// also an ErrTimeout.
	ErrBusy = fmt.Errorf("another write is under way: %w", ErrTimeout)
	// ErrStore: the server can't store more, or its storage is broken.
	ErrStore = errors.New("store is full or broken")
	// ErrTooLarge: the message or value is over the bound for its size.
	ErrTooLarge = errors.New("too large")
	// ErrClosed: the connection, publisher or server was closed by its owner.
	ErrClosed = errors.New("closed")
	// ErrGone: the consumer, or its stream, does not exist (any more).
	ErrGone = errors.New("consumer is gone")
	// ErrNotFound: there is no such message, object, stream or consumer.
	ErrNotFound = errors.New("not found")
	// ErrDiffers: what exists under this name has other settings, or another consumer of
	// a work queue has the filter.
	ErrDiffers = errors.New("exists with other settings")
	// ErrUnauthorized: the server does not let in who connects so.
	ErrUnauthorized = errors.New("not let in")
	// ErrNoServer: no server is reached at any of the addresses.
	ErrNoServer = errors.New("no server answers")
	// ErrNotNATS: what was reached says nothing, closes the connection, or greets as no NATS server does.
	ErrNotNATS = errors.New("what answers there does not greet as a NATS server")
	// ErrNoJetStream: the account of the connection has no JetStream.
	ErrNoJetStream = errors.New("no JetStream there")
	// ErrLocked: another process runs a server on the same folder.
	ErrLocked = errors.New("folder is in use by another process")
	// ErrHeader: a frame's header can't be trusted, so nothing of it can.
	ErrHeader = errors.New("frame header is damaged")
	// ErrPayload: a frame's header is good and its payload is not.
	ErrPayload = errors.New("frame payload is damaged")
	// ErrDigest: a value read back is not the one that was put.
	ErrDigest = errors.New("digest does not match")
)

// apiError is JetStream's answer when it refuses a request.
type apiError struct {
	Code    int    `json:"code"`
	ErrCode int    `json:"err_code"`
	Text    string `json:"description"`
}

// Error codes of the JetStream API that callers tell apart.
const (
	codeAccountFull     = 10002
	codeNoPeers         = 10005
	codeUnavailable     = 10008
	codeNoResources     = 10023
	codeMaxStreams      = 10027
	codeNoMemory        = 10028
	codeNoJetStreamHere = 10039
	codeNoReplicas      = 10074
	codeNoJetStream     = 10076
	codeConsumerAbsent  = 10014
	codeNoMessage       = 10037
	codeSeqAbsent       = 10043
	codeNoFolder        = 10049
	codeDeleteFailed    = 10057
	codeStorage         = 10047
	codeStreamExists    = 10058
	codeStreamAbsent    = 10059
	codeOtherStream     = 10060
	codeWrongLast       = 10071
	codeFilterTwice     = 10099
	codeFilterTaken     = 10100
	codeStoreFailed     = 10077
	codeConsumerExists  = 10148
	codeConsumerNew     = 10149
	codeIDInProcess     = 10158
	codeLastInProcess   = 10164
	codeTooMany         = 10167
	codeIncomplete      = 10004 // this one and those below: a cluster has no leader now, or none yet
	codeNotAssigned     = 10007
	codeNotLeader       = 10009
	codeStreamOffline   = 10118
	codeConsumerOffline = 10119
)

// Error implements error.
func (e *apiError) Error() string {
	if e.Unwrap() == ErrStore {
		return fmt.Sprintf("the %v: jetstream: %s (%d)", ErrStore, e.Text, e.ErrCode)
	}
	return fmt.Sprintf("jetstream: %s (%d)", e.Text, e.ErrCode)
}

// Unwrap names the family of the error, so that errors.Is finds it.
func (e *apiError) Unwrap() error {
	switch e.ErrCode {
	case codeConsumerAbsent:
		return ErrGone
	case codeNoMessage, codeSeqAbsent:
		return ErrNotFound
	case codeStreamAbsent, codeOtherStream:
		return ErrNoStream
	case codeDeleteFailed:
		if e.Text == "no message found" {
			return ErrNotFound
		}
	case codeNoJetStream, codeNoJetStreamHere:
		return ErrNoJetStream
	case codeWrongLast:
		return ErrConflict
	case codeIDInProcess, codeLastInProcess:
		return ErrBusy
	case codeUnavailable, codeTooMany, codeIncomplete, codeNotAssigned, codeNotLeader, codeStreamOffline, codeConsumerOffline: // which passes
		return ErrTimeout
	case codeStreamExists, codeConsumerExists, codeFilterTwice, codeFilterTaken:
		return ErrDiffers
	case codeAccountFull, codeNoResources, codeNoMemory, codeStorage:
		return ErrStore
	case codeStoreFailed:
		switch e.Text {
		case "maximum messages per subject exceeded", "maximum messages exceeded":
			return ErrFull
		}
		return ErrStore
	}
	return nil
}

// decodeError reads the error of an API answer, nil when it has none.
func decodeError(data []byte) error {
	var r struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("jetstream: unreadable answer: %w", err)
	}
	if r.Error == nil {
		return nil
	}
	return r.Error
}
