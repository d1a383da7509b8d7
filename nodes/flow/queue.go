package flow

import (
	"encoding/binary"

	"sluice/nodes"
)

// queue holds records in order. Positions count the bytes that ever went in, so that a
// delta is what lies behind the last one told.
type queue struct {
	buf  []byte
	head int    // in buf, of the oldest record
	base uint64 // position of buf[0]
	told uint64 // position of the end at the last delta
	n    int    // records
}

func (q *queue) bytes() int { return len(q.buf) - q.head }

func (q *queue) push(r nodes.Record) {
	if q.head > 4096 && q.head > len(q.buf)/2 {
		n := copy(q.buf, q.buf[q.head:])
		q.base += uint64(q.head)
		q.buf, q.head = q.buf[:n], 0
	}
	q.buf = nodes.AppendRecord(q.buf, r)
	q.n++
}

// pop returns the oldest record, valid until the next push. The queue must not be
// empty.
func (q *queue) pop() (nodes.Record, error) {
	r, rest, err := nodes.ReadRecord(q.buf[q.head:])
	if err != nil {
		return r, err
	}
	q.head = len(q.buf) - len(rest)
	q.n--
	return r, nil
}

// appendSince appends where the queue begins and ends, and what it holds from position
// since on.
func (q *queue) appendSince(b []byte, since uint64) []byte {
	head, tail := q.base+uint64(q.head), q.base+uint64(len(q.buf))
	from := max(head, since)
	b = binary.AppendUvarint(b, uint64(q.n))
	b = binary.AppendUvarint(b, head)
	b = binary.AppendUvarint(b, tail-from)
	b = append(b, q.buf[from-q.base:]...)
	q.told = tail
	return b
}

// apply reads what appendSince wrote, and returns what follows.
func (q *queue) apply(b []byte) (rest []byte, err error) {
	var v [3]uint64
	for i := range v {
		x, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errState
		}
		v[i], b = x, b[n:]
	}
	head, size := v[1], v[2]
	if size > uint64(len(b)) || head < q.base {
		return nil, errState
	}
	if head >= q.base+uint64(len(q.buf)) {
		q.buf, q.head, q.base = q.buf[:0], 0, head
	} else {
		q.head = int(head - q.base)
	}
	q.n = int(v[0])
	q.buf = append(q.buf, b[:size]...)
	q.told = q.base + uint64(len(q.buf))
	return b[size:], nil
}
