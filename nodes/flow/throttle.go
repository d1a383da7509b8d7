package flow

import (
	"time"

	"sluice/nodes"
)

var throttleKind = nodes.Define(nodes.Spec{
	Kind:     "throttle",
	Category: "flow",
	Summary:  "Passes records at a bounded rate",
	Doc: "Records are spread evenly: after a pause no more than a short burst (a twentieth of a second's worth) makes up for it. " +
		"What is in the records is not changed, and what is too fast waits. With `for` the rate holds so long from the first record on, " +
		"and then everything passes; a worker that takes the step over begins that time anew. " + inBatches,
	Waits: true,
	Role:  nodes.Ordered, // one owner, so that the rate is that of the whole job
	In:    []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out:   []nodes.Port{{Name: "out", Type: "T", Doc: "the same"}},
	Examples: []nodes.Example{
		{Config: "rate: 100000", In: []any{"a", "b", "c"}, Out: []any{"a", "b", "c"}},
		{Doc: "Slow for a moment only", Config: "{rate: 1000, for: 10ms}", In: []any{1, 2}, Out: []any{1, 2}},
	},
}, newThrottle)

// inBatches is what must be known of kinds that wait.
const inBatches = "Records travel in frames of up to 256: what is behind this node gets them in batches unless frames are small (`--frame-records 1`)."

type throttleConfig struct {
	Rate float64        `json:"rate" doc:"records in a second" min:"0.000001" max:"1000000000"`
	For  nodes.Duration `json:"for" doc:"how long the rate holds; 0s is for ever" default:"0s"`
}

// slack is how far the pace may catch up, and how short a wait is not worth a timer.
const (
	slack     = 50 * time.Millisecond
	shortWait = time.Millisecond
)

type throttle struct {
	every time.Duration // of each record
	holds time.Duration // 0: for ever
	begun time.Time     // when the first record came
	next  time.Time     // when the next record is due
}

func newThrottle(c throttleConfig, _ *nodes.Env) (any, error) {
	return &throttle{every: time.Duration(float64(time.Second) / c.Rate), holds: c.For.Std()}, nil
}

// Process implements nodes.Processor. The clock decides when, never what.
func (t *throttle) Process(c *nodes.Call, r nodes.Record) error {
	now := time.Now()
	if t.begun.IsZero() {
		t.begun = now
	}
	if t.holds > 0 && now.Sub(t.begun) >= t.holds {
		c.Emit(r)
		return nil
	}
	if earliest := now.Add(-slack); t.next.Before(earliest) {
		if t.next.IsZero() {
			earliest = now
		}
		t.next = earliest
	}
	if ahead := t.next.Sub(now); ahead >= shortWait {
		if err := wait(c.Context(), ahead); err != nil {
			return err
		}
	}
	t.next = t.next.Add(t.every)
	c.Emit(r)
	return nil
}
