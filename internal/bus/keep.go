package bus

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"sluice/recipe"
)

// maxPorts bounds the output ports of what is unpacked.
const maxPorts = 64

// Keep packs what a step made of a frame into the bytes that a ledger entry keeps: encoded
// frames, by output port and part, and the dead letters, which can't be made again either.
func Keep(ports [][][]byte, letters ...DeadLetter) []byte {
	var b []byte
	b = binary.AppendUvarint(b, uint64(len(ports)))
	for _, parts := range ports {
		b = binary.AppendUvarint(b, uint64(len(parts)))
		for _, p := range parts {
			b = binary.AppendUvarint(b, uint64(len(p)))
			b = append(b, p...)
		}
	}
	if len(letters) == 0 {
		return b
	}
	text, _ := json.Marshal(letters) // they hold valid JSON and plain text: it can't fail
	return append(b, text...)
}

// Unkeep takes it out again. The frames alias b.
func Unkeep(b []byte) (ports [][][]byte, letters []DeadLetter, err error) {
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
	ports = make([][][]byte, next(maxPorts))
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
	if !bad && len(b) > 0 {
		bad = json.Unmarshal(b, &letters) != nil || len(letters) == 0
	}
	if bad {
		return nil, nil, errors.New("the frames kept in a ledger entry are malformed")
	}
	return ports, letters, nil
}
