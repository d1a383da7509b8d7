package bus

import (
	"encoding/json"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// Records of a job (its plan, its account) are JSON, and grow with the number of its steps.
// Above packedFrom bytes they are compressed, to a fifth or less; what one may decompress to
// is bounded by maxRecord.
const (
	packedFrom = 64 << 10
	maxRecord  = 64 << 20
)

// EncodeRecord returns v as JSON, compressed where that is large. It is an error wrapping
// ErrTooLarge when a message can't hold it.
func EncodeRecord(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	size := len(data)
	if size > packedFrom && size <= maxRecord {
		data = s2.EncodeBetter(nil, data)
	}
	if len(data) > DefaultMaxPayload-(1<<10) {
		return nil, fmt.Errorf("%d bytes, %d when compressed, of at most %d: %w", size, len(data), DefaultMaxPayload, ErrTooLarge)
	}
	return data, nil
}

// DecodeRecord reads into v what EncodeRecord wrote. JSON begins with a brace, what is
// compressed with its length, which is above packedFrom and so never looks like one.
func DecodeRecord(data []byte, v any) error {
	if len(data) == 0 || data[0] == '{' {
		return json.Unmarshal(data, v)
	}
	switch n, err := s2.DecodedLen(data); {
	case err != nil:
		return fmt.Errorf("record: %w", err)
	case n > maxRecord:
		return fmt.Errorf("record of %d bytes, at most %d are allowed", n, maxRecord)
	}
	plain, err := s2.Decode(nil, data)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return json.Unmarshal(plain, v)
}
