package source

import (
	"fmt"

	"sluice/nodes"
	"sluice/recipe"
)

var integerGeneratorKind = nodes.Define(nodes.Spec{
	Kind:      "integer_generator",
	Category:  "source",
	Summary:   "Makes random integers, each of a range as likely",
	Doc:       "Without `count` it never ends. A record is a function of the seed and its number.",
	Role:      nodes.Origin,
	Out:       []nodes.Port{{Name: "out", Type: recipe.Int, Doc: "the numbers"}},
	Guarantee: "Makes the same numbers again.",
	Examples: []nodes.Example{
		{Config: "{count: 5, seed: 1}", Out: []any{13, 368, 353, 371, 292}},
		{Doc: "One die", Config: "{count: 6, seed: 7, min: 1, max: 6}", Out: []any{3, 3, 1, 6, 2, 4}},
		{Doc: "A range of one", Config: "{count: 2, min: -3, max: -3}", Out: []any{-3, -3}},
	},
}, newIntegerGenerator)

type integerGeneratorConfig struct {
	Count *int64  `json:"count" doc:"how many; without it the source never ends" min:"0"`
	Seed  *uint64 `json:"seed" doc:"start of the random sequence; without it the job's"`
	Min   int64   `json:"min" doc:"smallest number" default:"0"`
	Max   int64   `json:"max" doc:"largest number" default:"402"`
}

func newIntegerGenerator(c integerGeneratorConfig, env *nodes.Env) (any, error) {
	if c.Min > c.Max {
		return nil, fmt.Errorf("min is %d and max is %d; min must not pass max", c.Min, c.Max)
	}
	seed, span := seedOf(c.Seed, env), uint64(c.Max)-uint64(c.Min)+1
	return &generated{count: c.Count, emit: func(call *nodes.Call, record uint64) {
		d := diceOf(seed, record)
		call.Emit(nodes.IntRecord(int64(uint64(c.Min) + d.below(span))))
	}}, nil
}
