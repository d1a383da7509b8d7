package bus

import (
	"encoding/binary"
	"errors"

	"sluice/recipe"
)

// maxPorts bounds the output ports of what is unpacked.
const maxPorts = 64

// Keep packs encoded frames, by output port and part, into the bytes that a ledger entry
// keeps.
func Keep(ports [][][]byte) []byte {
	var b []byte
	b = binary.AppendUvarint(b, uint64(len(ports)))
	for _, parts := range ports {
		b = binary.AppendUvarint(b, uint64(len(parts)))
		for _, p := range parts {
			b = binary.AppendUvarint(b, uint64(len(p)))
			b = append(b, p...)
		}
	}
	return b
}

// Unkeep takes them out again.
func Unkeep(b []byte) ([][][]byte, error) {
	bad := false
	next := func(limit int) int {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > uint64(limit) {
			bad = true
			return 0
		}
		b = b[n:]
		return int(v)
	}
	ports := make([][][]byte, next(maxPorts))
	for p := range ports {
		ports[p] = make([][]byte, next(recipe.MaxParts))
		for i := range ports[p] {
			n := next(len(b))
			if bad = bad || n > len(b); bad {
				break
			}
			ports[p][i], b = b[:n:n], b[n:]
		}
	}
	if bad || len(b) > 0 {
		return nil, errors.New("the frames kept in a ledger entry are malformed")
	}
	return ports, nil
}
