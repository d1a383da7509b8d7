package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

var (
	ackSeq       = []byte(`"seq":`)
	ackError     = []byte(`"error"`)
	ackDuplicate = []byte(`"duplicate"`)
	ackFull      = []byte(`maximum messages per subject exceeded`)
)

// parseAck reads JetStream's answer to a publish. The two answers of the hot path,
// stored and full, are read without decoding the JSON; all others are decoded.
func parseAck(b []byte) Outcome {
	if bytes.Contains(b, ackError) {
		if bytes.Contains(b, ackFull) {
			return Outcome{Err: ErrFull}
		}
		return decodeAck(b)
	}
	if bytes.Contains(b, ackDuplicate) {
		return decodeAck(b)
	}
	k := bytes.Index(b, ackSeq)
	if k < 0 {
		return decodeAck(b)
	}
	var seq uint64
	digits := 0
	for _, c := range b[k+len(ackSeq):] {
		if c == ' ' && digits == 0 {
			continue
		}
		if c < '0' || c > '9' || seq > math.MaxUint64/100 {
			break
		}
		seq = seq*10 + uint64(c-'0')
		digits++
	}
	if digits == 0 {
		return decodeAck(b)
	}
	return Outcome{Seq: seq}
}

func decodeAck(b []byte) Outcome {
	var r struct {
		Error     *apiError `json:"error"`
		Seq       uint64    `json:"seq"`
		Duplicate bool      `json:"duplicate"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return Outcome{Err: fmt.Errorf("%w: unreadable acknowledgement: %w", ErrTimeout, err)}
	}
	if r.Error != nil {
		return Outcome{Err: r.Error}
	}
	return Outcome{Seq: r.Seq, Duplicate: r.Duplicate}
}
