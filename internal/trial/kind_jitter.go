package trial

import (
	"context"
	"time"

	"sluice/nodes"
)

var jitterKind = nodes.Define(nodes.Spec{
	Kind: "jitter", Category: "flow", Summary: "Passes records, some frames late", Role: nodes.Stateless,
	In:  []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out: []nodes.Port{{Name: "out", Type: "T", Doc: "the same"}},
}, func(c jitterConfig, _ *nodes.Env) (any, error) { return c, nil })

type jitterConfig struct {
	Most  nodes.Duration `json:"most" doc:"the longest delay of a frame" default:"10ms"`
	Every int            `json:"every" doc:"one record in so many waits" default:"4" min:"1"`
}

// Process implements nodes.Processor.
func (j jitterConfig) Process(c *nodes.Call, r nodes.Record) error {
	rng := c.Rand()
	if rng.IntN(j.Every) == 0 {
		if err := until(c.Context(), time.Duration(rng.Int64N(int64(j.Most)+1)), nil); err != nil {
			return err
		}
	}
	c.Emit(r)
	return nil
}

// until waits for a time, or, when there is a condition, until it holds.
func until(ctx context.Context, d time.Duration, holds func() bool) error {
	for {
		if holds != nil && holds() {
			return nil
		}
		t := time.NewTimer(d)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		if holds == nil {
			return nil
		}
	}
}
