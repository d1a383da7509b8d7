package bus

import (
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
)

// packFrom is the size from which a payload is worth an attempt at compression.
const packFrom = 1 << 10

// appendPayload appends the payload, compressed where that saves a quarter.
func appendPayload(dst, payload []byte) (out []byte, packed bool) {
	if len(payload) < packFrom {
		return append(dst, payload...), false
	}
	start := len(dst)
	most := s2.MaxEncodedLen(len(payload))
	if most < 0 {
		return append(dst, payload...), false
	}
	dst = slices.Grow(dst, most)
	p := s2.Encode(dst[start:start+most], payload)
	if len(p) <= len(payload)/4*3 {
		return dst[:start+len(p)], true
	}
	return append(dst, payload...), false
}

// unpack is the inverse, bounded by MaxFrame before anything is allocated.
func unpack(room, stored []byte) ([]byte, error) {
	n, err := s2.DecodedLen(stored)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if n > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrPayload, n, MaxFrame)
	}
	p, err := s2.Decode(room[:cap(room)], stored)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return p, nil
}
