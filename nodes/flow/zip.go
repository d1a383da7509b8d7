package flow

import (
	"sluice/nodes"
	"sluice/recipe"
)

var zipKind = nodes.Define(nodes.Spec{
	Kind:     "zip",
	Category: "flow",
	Summary:  "Joins two inputs by position, as paste does",
	Doc: "The k-th record of `left` and the k-th of `right` become the list `[left, right]`. Inputs of unequal length fail " +
		"the job. A pair that JSON can't hold (a string that is not UTF-8) is given up as a whole.",
	Role: nodes.Ordered,
	In: []nodes.Port{
		{Name: "left", Type: "L", Doc: "first of each pair"},
		{Name: "right", Type: "R", Doc: "second of each pair"},
	},
	Out: []nodes.Port{{Name: "out", Type: recipe.JSON, Doc: "lists of two"}},
	Examples: []nodes.Example{
		{
			Ins: map[string][]any{"left": {"alice", "bob", "carol"}, "right": {1, 2, 3}},
			Out: []any{nodes.JSON(`["alice",1]`), nodes.JSON(`["bob",2]`), nodes.JSON(`["carol",3]`)},
		},
		{
			Ins:  map[string][]any{"left": {nodes.JSON(`{"a": 1}`), nodes.JSON(`[]`)}, "right": {"\xff", "x"}},
			Outs: map[string][]any{"out": {nodes.JSON(`[[],"x"]`)}}, Dead: []string{"not UTF-8"},
		},
	},
}, newZip)

// aheadConfig is the setting of the kinds that pair records.
type aheadConfig struct {
	MaxAhead int `json:"max_ahead" doc:"records that one input may be ahead of the other" default:"100000" min:"1" max:"10000000"`
}

type zip struct {
	pairs
	text []byte
}

func newZip(c aheadConfig, _ *nodes.Env) (any, error) {
	return &zip{pairs: pairs{names: [2]string{"left", "right"}, maxAhead: c.MaxAhead}}, nil
}

// Process implements nodes.Processor.
func (z *zip) Process(c *nodes.Call, r nodes.Record) error {
	other, paired, err := z.arrive(c.Port, r)
	if err != nil || !paired {
		return err
	}
	left, right := r, other
	if c.Port == 1 {
		left, right = other, r
	}
	if z.text, err = nodes.AppendJSON(append(z.text[:0], '['), left); err != nil {
		return err
	}
	if z.text, err = nodes.AppendJSON(append(z.text, ','), right); err != nil {
		return err
	}
	z.text = append(z.text, ']')
	c.Emit(nodes.JSONRecord(z.text))
	return nil
}
