package bus

import (
	"encoding/binary"
	"fmt"

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
	next := func(limit uint64) int {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > limit {
			b = nil
			return -1
		}
		b = b[n:]
		return int(v)
	}
	ports := make([][][]byte, max(0, next(maxPorts)))
	for p := range ports {
		ports[p] = make([][]byte, max(0, next(recipe.MaxParts)))
		for i := range ports[p] {
			n := next(uint64(len(b)))
			if n < 0 || n > len(b) {
				return nil, fmt.Errorf("the frames kept in a ledger entry are malformed")
			}
			ports[p][i], b = b[:n:n], b[n:]
		}
	}
	return ports, nil
}
