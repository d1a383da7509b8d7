package math

import (
	"encoding/binary"

	"sluice/nodes"
)

// window keeps the last n values, as 64 bits each, and knows which of them were not
// told by a delta yet.
type window struct {
	ring  []uint64
	marks []bool // which of the ring are floats; nil where all are of one sort
	have  int    // values in the ring
	total uint64 // values ever pushed; the next one goes to total % n
	told  uint64 // total at the last delta or snapshot
}

func newWindow(n int) window { return window{ring: make([]uint64, n)} }

// slot is where the next value goes, and with it the value that it replaces.
func (w *window) slot() (at int, old uint64, full bool) {
	at = int(w.total % uint64(len(w.ring)))
	return at, w.ring[at], w.have == len(w.ring)
}

func (w *window) push(v uint64, mark bool) {
	at := w.total % uint64(len(w.ring))
	if w.ring[at] = v; w.marks != nil {
		w.marks[at] = mark
	}
	w.total++
	if w.have < len(w.ring) {
		w.have++
	}
}

// appendSince appends the total and those of the values after since that are still
// in the window.
func (w *window) appendSince(b []byte, since uint64) []byte {
	count := min(w.total-since, uint64(w.have))
	b = binary.AppendUvarint(b, w.total)
	b = binary.AppendUvarint(b, count)
	for i := w.total - count; i < w.total; i++ {
		at := i % uint64(len(w.ring))
		if b = binary.AppendVarint(b, int64(w.ring[at])); w.marks != nil {
			b = append(b, markByte(w.marks[at]))
		}
	}
	w.told = w.total
	return b
}

func markByte(mark bool) byte {
	if mark {
		return 1
	}
	return 0
}

// AppendDelta implements nodes.Stateful.
func (w *window) AppendDelta(b []byte) []byte { return w.appendSince(b, w.told) }

// AppendSnapshot implements nodes.Stateful.
func (w *window) AppendSnapshot(b []byte) []byte { return w.appendSince(b, 0) }

// apply reads what appendSince wrote. When it replaces the whole window reset is called
// first; push is called for each value.
func (w *window) apply(b []byte, reset func(), push func(v uint64, mark bool)) error {
	total, n := binary.Uvarint(b)
	count, m := uint64(0), 0
	if n > 0 {
		count, m = binary.Uvarint(b[n:])
	}
	if n <= 0 || m <= 0 || count > uint64(len(w.ring)) || count > total {
		return errState
	}
	if w.total+count != total {
		if count != uint64(len(w.ring)) {
			return errState
		}
		reset()
		w.have, w.total = 0, total-count
	}
	for b = b[n+m:]; count > 0; count-- {
		v, n := binary.Varint(b)
		if n <= 0 {
			return errState
		}
		b = b[n:]
		mark := false
		if w.marks != nil {
			if len(b) == 0 {
				return errState
			}
			mark, b = b[0] != 0, b[1:]
		}
		push(uint64(v), mark)
	}
	w.told = w.total
	return nil
}

func (w *window) clear() { w.have, w.total, w.told = 0, 0, 0 }

var errState = nodes.Permanentf("the state is malformed")
