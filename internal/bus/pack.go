package bus

import (
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
)

// packFrom is the size from which a payload is worth an attempt at compression.
const packFrom = 1 << 10

// packRooms are buffers that payloads are compressed in, so that a frame is allocated
// once and in its own size. Larger ones than keepRoom are not kept.
var packRooms = sync.Pool{New: func() any { return new([]byte) }}

const keepRoom = 1 << 20

func releaseRoom(room *[]byte) {
	if cap(*room) <= keepRoom {
		packRooms.Put(room)
	}
}

// pack returns the payload, compressed where that saves a quarter: then it is in room.
func pack(room *[]byte, payload []byte) (stored []byte, packed bool) {
	most := s2.MaxEncodedLen(len(payload))
	if len(payload) < packFrom || most < 0 {
		return payload, false
	}
	*room = slices.Grow((*room)[:0], most)
	p := s2.Encode((*room)[:most], payload)
	if len(p) <= len(payload)/4*3 {
		return p, true
	}
	return payload, false
}

// Payload is the payload of a frame as it is stored.
type Payload struct {
	stored []byte
	packed bool
}

// Packed reports whether Unpack has to decompress.
func (p Payload) Packed() bool { return p.packed }

// Unpack returns the payload as it was given to AppendFrame. It aliases the frame or
// room, or is new when it has to be decompressed and room is too small. The error is
// ErrPayload.
func (p Payload) Unpack(room []byte) ([]byte, error) {
	if !p.packed {
		return p.stored, nil
	}
	b, err := s2.Decode(room[:cap(room)], p.stored)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return b, nil
}

// checkPacked bounds what a payload decompresses to by MaxFrame, before anybody
// allocates for it.
func checkPacked(stored []byte, packed bool) error {
	if !packed {
		return nil
	}
	n, err := s2.DecodedLen(stored)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if n > MaxFrame {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrPayload, n, MaxFrame)
	}
	return nil
}
