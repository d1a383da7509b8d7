package math

import (
	"sluice/nodes"
	"sluice/recipe"
)

var rollingAverageKind = nodes.Define(nodes.Spec{
	Kind:     "rolling_average",
	Category: "math",
	Summary:  "Averages the last values, sliding by one",
	Doc: "Nothing is emitted until there are enough. Integers average to an integer, truncated toward zero, unless `float` " +
		"is true; floats average to a float, and so does a window of a `field` that holds one.",
	Role:  nodes.Ordered,
	In:    []nodes.Port{{Name: "in", Type: "N", Doc: "numbers"}},
	Out:   []nodes.Port{{Name: "out", Type: "A", Doc: "one average per value, from the values_to_keep-th on"}},
	Where: map[string]recipe.Type{"N": recipe.Number},
	By:    map[string]nodes.TypeBy{"A": {Setting: "float", Types: map[string]recipe.Type{"true": recipe.Float}, Else: "N"}},
	Examples: []nodes.Example{
		{Config: "values_to_keep: 2", In: []any{1, 2, 4}, Out: []any{1, 3}},
		{Doc: "Toward zero", Config: "values_to_keep: 2", In: []any{-1, -2, 9223372036854775807}, Out: []any{-1, 4611686018427387902}},
		{Config: "{values_to_keep: 2, float: true}", In: []any{1, 2, 4}, Out: []any{1.5, 3.0}},
		{Config: "values_to_keep: 4", In: []any{0.5, 1.5, 2.5, 3.5, 4.5}, Out: []any{2.0, 3.0}},
		{
			Doc: "Of a field", Config: "{values_to_keep: 2, float: true}", Field: "n", Into: "mean",
			In:  []any{nodes.JSON(`{"n":1}`), nodes.JSON(`{"n":2}`), nodes.JSON(`{"n":2.5}`)},
			Out: []any{nodes.JSON(`{"n":2,"mean":1.5}`), nodes.JSON(`{"n":2.5,"mean":2.25}`)},
		},
		{
			Config: "values_to_keep: 2", Field: "n",
			In:  []any{nodes.JSON(`{"n":9007199254740993}`), nodes.JSON(`{"n":9007199254740995}`), nodes.JSON(`{"n":-9007199254740994}`), nodes.JSON(`{"n":9007199254740994.0}`)},
			Out: []any{nodes.JSON(`{"n":9007199254740994}`), nodes.JSON(`{"n":0}`), nodes.JSON(`{"n":0}`)},
		},
	},
}, newRollingAverage)

type rollingAverageConfig struct {
	ValuesToKeep int  `json:"values_to_keep" doc:"how many values are looked at together" min:"1" max:"1000000"`
	Float        bool `json:"float" doc:"average integers to a float" default:"false"`
}

func newRollingAverage(cfg rollingAverageConfig, env *nodes.Env) (any, error) {
	r := newRolling(cfg.ValuesToKeep, env)
	r.answer = func(c *nodes.Call, n int, sum total) error {
		if sum.whole && !cfg.Float {
			c.Emit(nodes.IntRecord(sum.ints.over(n)))
		} else {
			c.Emit(nodes.FloatRecord(sum.float() / float64(n)))
		}
		return nil
	}
	return &r, nil
}
