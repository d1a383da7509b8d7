package bus

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"sluice/recipe"
)

// A frame on the wire, integers little endian:
//
//	 0  2  magic "SF"
//	 2  1  version, 1
//	 3  1  flags: 1 end of split, 2 end of source, 4 reference, 8 payload is S2
//	 4  4  CRC-32C of the header without this field
//	 8  2  length of the header
//	10  2  lane
//	12  4  split
//	16  8  n
//	24  8  cut, Unix nanoseconds
//	32  4  records
//	36  4  length of the payload as stored
//	40  4  CRC-32C of the payload as stored
//	44  2  length of the type, 46… the type, then the parts up to the header's end
//
// then the payload, to the end of the message.
const (
	frameMagic  = "SF"
	fixedHeader = 46

	flagEndSplit  = 1
	flagEndSource = 2
	flagRef       = 4
	flagS2        = 8
)

// FrameVersion is the version of frames, and of all else that workers store of a job, that
// this build writes.
const FrameVersion = 1

// MaxFrame bounds a frame's payload, compressed or not: one record of the greatest
// size and what the record's own framing adds.
const MaxFrame = recipe.MaxRecord + 64<<10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header is what a frame says of itself.
type Header struct {
	Type      recipe.Type
	Split     uint32
	N         uint64
	Lane      uint16
	Parts     recipe.Parts // at most 32 KiB, as is the type
	EndSplit  bool
	EndSource bool
	Records   int
	Ref       bool  // the payload names a large value instead of holding records
	Cut       int64 // when the source cut it, Unix nanoseconds; 0 when unknown
}

// Ordinal returns the frame's place in the order of its edge.
func (h *Header) Ordinal() recipe.Ordinal {
	return recipe.Ordinal{Split: h.Split, N: h.N, Lane: h.Lane, Path: h.Parts.Path()}
}

// AppendFrame appends the frame of header and payload to dst. A payload that
// shrinks by a quarter or more is compressed.
func AppendFrame(dst []byte, h *Header, payload []byte) []byte {
	room := packRooms.Get().(*[]byte)
	defer releaseRoom(room)
	stored, packed := pack(room, payload)
	start := len(dst)
	size := fixedHeader + len(h.Type) + len(h.Parts)
	dst = slices.Grow(dst, size+len(stored))[:start+fixedHeader]
	dst = append(dst, h.Type...)
	dst = append(dst, h.Parts...)
	dst = append(dst, stored...)
	flags := h.flags()
	if packed {
		flags |= flagS2
	}

	b := dst[start:]
	copy(b, frameMagic)
	b[2], b[3] = FrameVersion, flags
	le := binary.LittleEndian
	le.PutUint16(b[8:], uint16(size))
	le.PutUint16(b[10:], h.Lane)
	le.PutUint32(b[12:], h.Split)
	le.PutUint64(b[16:], h.N)
	le.PutUint64(b[24:], uint64(h.Cut))
	le.PutUint32(b[32:], uint32(h.Records))
	le.PutUint32(b[36:], uint32(len(stored)))
	le.PutUint32(b[40:], crc32.Checksum(stored, castagnoli))
	le.PutUint16(b[44:], uint16(len(h.Type)))
	le.PutUint32(b[4:], headerSum(b[:size]))
	return dst
}

func (h *Header) flags() byte {
	var f byte
	if h.EndSplit {
		f |= flagEndSplit
	}
	if h.EndSource {
		f |= flagEndSource
	}
	if h.Ref {
		f |= flagRef
	}
	return f
}

func headerSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, b[8:])
}

// DecodeFrame reads a frame. An error is ErrHeader, and then nothing of the frame
// is known, or ErrPayload, and then the header is true. The payload may alias b.
func DecodeFrame(b []byte) (Header, []byte, error) { return DecodeFrameInto(nil, b) }

// DecodeFrameInto is DecodeFrame with room for a payload that has to be
// decompressed; the payload aliases b or room, or is new when room is too small.
func DecodeFrameInto(room, b []byte) (Header, []byte, error) {
	h, stored, err := OpenFrame(b)
	if err != nil {
		return h, nil, err
	}
	payload, err := stored.Unpack(room)
	return h, payload, err
}

// OpenFrame reads a frame's header and checks all of it, but leaves the payload as it
// is stored. Errors are those of DecodeFrame.
func OpenFrame(b []byte) (h Header, p Payload, err error) {
	le := binary.LittleEndian
	if len(b) < fixedHeader || string(b[:2]) != frameMagic {
		return h, p, fmt.Errorf("%w: not a frame", ErrHeader)
	}
	size := int(le.Uint16(b[8:]))
	kind := fixedHeader + int(le.Uint16(b[44:]))
	if size > len(b) || size < kind || headerSum(b[:size]) != le.Uint32(b[4:]) {
		return h, p, fmt.Errorf("%w: checksum", ErrHeader)
	}
	if b[2] != FrameVersion {
		return h, p, fmt.Errorf("%w: version %d, want %d", ErrHeader, b[2], FrameVersion)
	}
	flags := b[3]
	h = Header{
		Type:      typeName(b[fixedHeader:kind]),
		Split:     le.Uint32(b[12:]),
		N:         le.Uint64(b[16:]),
		Lane:      le.Uint16(b[10:]),
		Parts:     recipe.Parts(b[kind:size]),
		EndSplit:  flags&flagEndSplit != 0,
		EndSource: flags&flagEndSource != 0,
		Records:   int(le.Uint32(b[32:])),
		Ref:       flags&flagRef != 0,
		Cut:       int64(le.Uint64(b[24:])),
	}
	stored := b[size:]
	if uint64(le.Uint32(b[36:])) != uint64(len(stored)) {
		return h, p, fmt.Errorf("%w: %d bytes, want %d", ErrPayload, len(stored), le.Uint32(b[36:]))
	}
	if crc32.Checksum(stored, castagnoli) != le.Uint32(b[40:]) {
		return h, p, fmt.Errorf("%w: checksum", ErrPayload)
	}
	return h, Payload{stored, flags&flagS2 != 0}, checkPacked(stored, flags&flagS2 != 0)
}

// typeName returns the type without allocating for the scalar ones.
func typeName(b []byte) recipe.Type {
	for _, t := range [...]recipe.Type{recipe.String, recipe.JSON, recipe.Int, recipe.Float, recipe.Bool, recipe.Bytes} {
		if string(b) == string(t) {
			return t
		}
	}
	return recipe.Type(b)
}
