package flow

import "encoding/binary"

// AppendDelta implements nodes.Stateful: the keys that changed, with their counts.
func (n *countBy) AppendDelta(b []byte) []byte {
	for _, i := range n.touched {
		b = n.appendKey(b, i, i >= n.told)
	}
	return n.tell(b)
}

// AppendSnapshot implements nodes.Stateful.
func (n *countBy) AppendSnapshot(b []byte) []byte {
	for i := range n.keys {
		b = n.appendKey(b, i, true)
	}
	return n.tell(b)
}

func (n *countBy) appendKey(b []byte, i int, isNew bool) []byte {
	b = binary.AppendUvarint(b, uint64(i))
	b = binary.AppendUvarint(b, n.keys[i].count)
	if isNew {
		b = binary.AppendUvarint(b, uint64(len(n.keys[i].key)))
		b = append(b, n.keys[i].key...)
	}
	return b
}

func (n *countBy) tell(b []byte) []byte {
	for _, i := range n.touched {
		n.keys[i].touched = false
	}
	n.touched, n.told = n.touched[:0], len(n.keys)
	return b
}

// Restore implements nodes.Stateful.
func (n *countBy) Restore(snapshot []byte) error {
	n.index, n.keys, n.bytes, n.touched, n.told = map[string]int{}, nil, 0, nil, 0
	return n.Apply(snapshot)
}

// Apply implements nodes.Stateful. A key is new when its number is that of the next one.
func (n *countBy) Apply(delta []byte) error {
	next := func() (v uint64, ok bool) {
		v, size := binary.Uvarint(delta)
		if size > 0 {
			delta = delta[size:]
		}
		return v, size > 0
	}
	for len(delta) > 0 {
		i, ok := next()
		count, ok2 := next()
		if !ok || !ok2 || i > uint64(len(n.keys)) {
			return errState
		}
		if i == uint64(len(n.keys)) {
			size, ok := next()
			if !ok || size > uint64(len(delta)) {
				return errState
			}
			n.add(string(delta[:size]))
			delta = delta[size:]
		}
		n.keys[i].count = count
	}
	n.tell(nil)
	return nil
}
