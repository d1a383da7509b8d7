package math

import (
	"sluice/nodes"
	"sluice/recipe"
)

var rollingSumKind = nodes.Define(nodes.Spec{
	Kind:     "rolling_sum",
	Category: "math",
	Summary:  "Sums the last values, sliding by one",
	Doc:      "Nothing is emitted until there are enough. A value with which the sum passes 64 bit is given up; it stays in the window, as any other, and the sums that fit go on. In a `field` the sum is whole as long as the window is.",
	Role:     nodes.Ordered,
	In:       []nodes.Port{{Name: "in", Type: "N", Doc: "numbers"}},
	Out:      []nodes.Port{{Name: "out", Type: "N", Doc: "one sum per value, from the values_to_keep-th on"}},
	Where:    map[string]recipe.Type{"N": recipe.Number},
	Examples: []nodes.Example{
		{Config: "values_to_keep: 2", In: []any{1, 2, 3, 4, 5}, Out: []any{3, 5, 7, 9}},
		{Config: "values_to_keep: 3", In: []any{0.5, 1.5, 2.0, -3.5, 1.0}, Out: []any{4.0, 0.0, -0.5}},
		{
			Doc: "Overflow is an error, never a wrap", Config: "values_to_keep: 2",
			In: []any{9223372036854775807, 1, 2, 3, 4}, Out: []any{3, 5, 7}, Dead: []string{"passes 64 bit"},
		},
		{
			Doc: "So is that of floats", Config: "values_to_keep: 2",
			In: []any{1.5e308, 1.5e308, -1.5e308, 1.0, 2.0}, Out: []any{0.0, -1.5e308, 3.0}, Dead: []string{"passes 64 bit"},
		},
		{
			Doc: "Of a field: whole numbers stay exact; with a fraction in the window the sum has one", Config: "values_to_keep: 2", Field: "n", Into: "sum",
			In:   []any{nodes.JSON(`{"n":9007199254740993}`), nodes.JSON(`{"n":0}`), nodes.JSON(`{"n":0.5}`), nodes.JSON(`{"n":"x"}`), nodes.JSON(`{"n":1}`), nodes.JSON(`{"n":2}`)},
			Out:  []any{nodes.JSON(`{"n":0,"sum":9007199254740993}`), nodes.JSON(`{"n":0.5,"sum":0.5}`), nodes.JSON(`{"n":1,"sum":1.5}`), nodes.JSON(`{"n":2,"sum":3}`)},
			Dead: []string{"a number is wanted"},
		},
	},
}, newRollingSum)

func newRollingSum(c keepConfig, env *nodes.Env) (any, error) {
	r := newRolling(c.ValuesToKeep, env)
	r.answer = answerSum
	return &r, nil
}

func answerSum(c *nodes.Call, n int, sum total) error {
	if !sum.whole {
		c.Emit(nodes.FloatRecord(sum.float()))
		return nil
	}
	v, fits := sum.ints.int64()
	if !fits {
		return passes(n)
	}
	c.Emit(nodes.IntRecord(v))
	return nil
}
