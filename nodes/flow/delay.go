package flow

import (
	"context"
	"time"

	"sluice/nodes"
)

var delayKind = nodes.Define(nodes.Spec{
	Kind:     "delay",
	Category: "flow",
	Summary:  "Waits for each record, and passes it",
	Waits:    true,
	Doc:      "The time is spent record by record; `parallel` frames wait beside each other. " + inBatches,
	In:       []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out:      []nodes.Port{{Name: "out", Type: "T", Doc: "the same"}},
	Examples: []nodes.Example{
		{Config: "duration: 1ms", In: []any{"a", "b"}, Out: []any{"a", "b"}},
		{Config: "duration: 0s", In: []any{1}, Out: []any{1}},
	},
}, newDelay)

type delayConfig struct {
	Duration nodes.Duration `json:"duration" doc:"how long to wait for each record" max:"1h"`
}

type delay struct{ time.Duration }

func newDelay(c delayConfig, _ *nodes.Env) (any, error) { return delay{c.Duration.Std()}, nil }

// Process implements nodes.Processor.
func (d delay) Process(c *nodes.Call, r nodes.Record) error {
	if err := wait(c.Context(), d.Duration); err != nil {
		return err
	}
	c.Emit(r)
	return nil
}

// wait waits, or returns the error of ctx when that ends first.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
