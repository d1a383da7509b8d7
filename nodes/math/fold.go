package math

import (
	"sluice/nodes"
	"sluice/recipe"
)

// keepConfig is the setting of the kinds that look back.
type keepConfig struct {
	ValuesToKeep int `json:"values_to_keep" doc:"how many values are looked at together" min:"1" max:"1000000"`
}

// foldSpec is the spec that and, or and xor share.
func foldSpec(kind, summary string, examples ...nodes.Example) nodes.Spec {
	return nodes.Spec{
		Kind:     kind,
		Category: "math",
		Summary:  summary,
		Doc:      "The window slides by one. Nothing is emitted until it is full.",
		Role:     nodes.Ordered,
		In:       []nodes.Port{{Name: "in", Type: recipe.Bool, Doc: "truth values"}},
		Out:      []nodes.Port{{Name: "out", Type: recipe.Bool, Doc: "one answer per value, from the values_to_keep-th on"}},
		Examples: examples,
	}
}

// fold keeps a window of truth values and how many of them are true: all that and, or
// and xor need.
type fold struct {
	window
	trues  int
	answer func(trues, n int) bool
}

func newFold(answer func(trues, n int) bool) func(keepConfig, *nodes.Env) (any, error) {
	return func(c keepConfig, _ *nodes.Env) (any, error) {
		return &fold{window: newWindow(c.ValuesToKeep), answer: answer}, nil
	}
}

// Process implements nodes.Processor.
func (f *fold) Process(c *nodes.Call, r nodes.Record) error {
	v := uint64(0)
	if r.Bool() {
		v = 1
	}
	f.add(v)
	if f.have == len(f.ring) {
		c.Emit(nodes.BoolRecord(f.answer(f.trues, f.have)))
	}
	return nil
}

func (f *fold) add(v uint64) {
	if _, old, full := f.slot(); full {
		f.trues -= int(old)
	}
	f.trues += int(v)
	f.push(v, false)
}

// Restore implements nodes.Stateful.
func (f *fold) Restore(snapshot []byte) error {
	f.clear()
	f.trues = 0
	if len(snapshot) == 0 {
		return nil
	}
	return f.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (f *fold) Apply(delta []byte) error {
	return f.apply(delta, func() { f.trues = 0 }, func(v uint64, _ bool) { f.add(v & 1) })
}
