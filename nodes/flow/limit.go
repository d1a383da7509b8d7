package flow

import (
	"encoding/binary"

	"sluice/nodes"
)

var limitKind = nodes.Define(nodes.Spec{
	Kind:     "limit",
	Category: "flow",
	Summary:  "Passes the first records and no more",
	Doc:      "When it is full, sources that nobody else reads end early.",
	Role:     nodes.Ordered,
	In:       []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out:      []nodes.Port{{Name: "out", Type: "T", Doc: "the first of them"}},
	Examples: []nodes.Example{
		{Config: "count: 2", In: []any{"a", "b", "c"}, Out: []any{"a", "b"}},
		{Config: "count: 5", In: []any{1, 2}, Out: []any{1, 2}},
	},
}, newLimit)

type limitConfig struct {
	Count uint64 `json:"count" doc:"how many records to pass"`
}

type limit struct{ count, passed uint64 }

func newLimit(c limitConfig, _ *nodes.Env) (any, error) { return &limit{count: c.Count}, nil }

// Process implements nodes.Processor.
func (l *limit) Process(c *nodes.Call, r nodes.Record) error {
	if l.passed < l.count {
		l.passed++
		c.Emit(r)
	}
	return nil
}

// Full implements nodes.Full.
func (l *limit) Full() bool { return l.passed >= l.count }

// AppendSnapshot implements nodes.Stateful.
func (l *limit) AppendSnapshot(b []byte) []byte { return binary.AppendUvarint(b, l.passed) }

// AppendDelta implements nodes.Stateful.
func (l *limit) AppendDelta(b []byte) []byte { return l.AppendSnapshot(b) }

// Restore implements nodes.Stateful.
func (l *limit) Restore(snapshot []byte) error {
	l.passed = 0
	if len(snapshot) == 0 {
		return nil
	}
	return l.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (l *limit) Apply(delta []byte) error {
	passed, n := binary.Uvarint(delta)
	if n <= 0 {
		return errState
	}
	l.passed = passed
	return nil
}
