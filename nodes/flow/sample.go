package flow

import (
	"sluice/nodes"
)

var sampleKind = nodes.Define(nodes.Spec{
	Kind:     "sample",
	Category: "flow",
	Summary:  "Passes a random part of the records",
	Doc:      "Each record has the same chance. The choice is a function of the job's seed, `seed` and the record's place, so a record that is processed again after a crash meets the same fate.",
	In:       []nodes.Port{{Name: "in", Type: "T", Doc: "anything"}},
	Out:      []nodes.Port{{Name: "out", Type: "T", Doc: "the chosen ones"}},
	Examples: []nodes.Example{
		{Doc: "All", Config: "rate: 1", In: []any{"a", "b"}, Out: []any{"a", "b"}},
		{Doc: "None", Config: "{rate: 0, seed: 7}", In: []any{"a", "b"}},
	},
}, newSample)

type sampleConfig struct {
	Rate float64 `json:"rate" doc:"chance of each record to pass" min:"0" max:"1"`
	Seed uint64  `json:"seed" doc:"another seed makes another choice" default:"0"`
}

type sample struct {
	rate float64
	seed uint64
}

func newSample(c sampleConfig, _ *nodes.Env) (any, error) { return &sample{c.Rate, c.Seed}, nil }

// Process implements nodes.Processor.
func (s *sample) Process(c *nodes.Call, r nodes.Record) error {
	// A number of 53 random bits below rate, with the seed stirred in (the finalizer of
	// MurmurHash3).
	x := c.Rand().Uint64() ^ s.seed
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	if float64(x>>11)/(1<<53) < s.rate {
		c.Emit(r)
	}
	return nil
}
