package protocol

import "encoding/binary"

// Place is what an ordered step tells of itself, behind every checkpoint and from time
// to time: sources take their credit from it, the accountant its mark. For a source the
// coordinator tells the job's mark in the same form; see [Mark.Place].
type Place struct {
	Cursors Cursors // behind the last checkpoint
	Held    int64   // bytes of frames in hand
	Full    bool    // needs no more (limit)
	Starved bool    // waits for a frame, with others in hand that come behind it
}

// Flags of an encoded place.
const (
	placeFull = 1 << iota
	placeStarved
)

// Append encodes the place.
func (p Place) Append(b []byte) []byte {
	var flags byte
	if p.Full {
		flags |= placeFull
	}
	if p.Starved {
		flags |= placeStarved
	}
	return p.Cursors.Append(append(binary.AppendVarint(b, p.Held), flags))
}

// DecodePlace decodes what Append encoded.
func DecodePlace(b []byte) (Place, bool) {
	held, n := binary.Varint(b)
	if n <= 0 || len(b) <= n || b[n] > placeFull|placeStarved {
		return Place{}, false
	}
	cs, rest, err := DecodeCursors(b[n+1:])
	return Place{Cursors: cs, Held: held, Full: b[n]&placeFull != 0, Starved: b[n]&placeStarved != 0}, err == nil && len(rest) == 0
}

// Place returns the mark as the place of its source.
func (m Mark) Place() Place {
	return Place{Cursors: Cursors{{Split: m.Split, N: m.N, Done: m.All}}}
}

// MarkOf returns the mark that a place of a source tells.
func MarkOf(cs Cursors) Mark {
	return Mark{Split: cs[0].Split, N: cs[0].N, All: cs[0].Done}
}
