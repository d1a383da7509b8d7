package flow

import (
	"encoding/binary"
	"slices"

	"sluice/nodes"
)

// AppendDelta implements nodes.Stateful: the records that were kept since and still are.
func (t *top) AppendDelta(b []byte) []byte { return t.appendAll(b, t.fresh) }

// AppendSnapshot implements nodes.Stateful.
func (t *top) AppendSnapshot(b []byte) []byte { return t.appendAll(b, t.kept) }

func (t *top) appendAll(b []byte, list []*ranked) []byte {
	b = binary.AppendUvarint(b, t.seen)
	for _, k := range list {
		if !k.gone {
			b = binary.AppendUvarint(b, k.seq)
			b = append(b, k.record...)
		}
	}
	t.fresh = nil
	return b
}

// Restore implements nodes.Stateful.
func (t *top) Restore(snapshot []byte) error {
	t.kept, t.fresh, t.bytes, t.seen = nil, nil, 0, 0
	if len(snapshot) == 0 {
		return nil
	}
	return t.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (t *top) Apply(delta []byte) error {
	seen, n := binary.Uvarint(delta)
	if n <= 0 {
		return errState
	}
	for delta = delta[n:]; len(delta) > 0; {
		seq, n := binary.Uvarint(delta)
		if n <= 0 {
			return errState
		}
		r, rest, err := nodes.ReadRecord(delta[n:])
		if err != nil {
			return err
		}
		x, err := t.numberOf(r)
		if err != nil {
			return err
		}
		t.insert(&ranked{number: x, seq: seq, record: slices.Clone(delta[n : len(delta)-len(rest)])})
		delta = rest
	}
	t.seen = seen
	return nil
}
