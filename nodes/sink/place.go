package sink

import (
	"context"
	"encoding/binary"

	"sluice/nodes"
)

// Append implements nodes.Output. After an error it may be called again: it writes the same bytes
// at the same place.
func (t *target) Append(_ context.Context, b []byte) error {
	if err := t.writeAt(b, t.offset); err != nil {
		return err
	}
	t.offset += int64(len(b))
	return nil
}

// AppendState implements nodes.Output: the state is the offset.
func (t *target) AppendState(b []byte, _ bool) []byte { return binary.AppendVarint(b, t.offset) }

// Restore implements nodes.Output. What was written behind the offset is written again.
func (t *target) Restore(state []byte) error {
	if len(state) == 0 {
		state = []byte{0}
	}
	offset, n := binary.Varint(state)
	if n != len(state) || offset < 0 {
		return nodes.Permanentf("the state of file_writer is malformed, or that of an artifact: all workers of a pool must have the same --root, or none")
	}
	t.offset = offset
	return t.forget()
}

// Seal implements nodes.Output.
func (t *target) Seal(context.Context) error { return t.seal(t.offset) }

// Discard implements nodes.Discarder.
func (t *target) Discard(context.Context) error { return t.discard() }

// Close implements nodes.Closer.
func (t *target) Close() error { return t.forget() }
