package flow

import (
	"sluice/nodes"
	"sluice/recipe"
)

var ifKind = nodes.Define(nodes.Spec{
	Kind:     "if",
	Category: "flow",
	Summary:  "Sends what is true one way, and what is false another",
	Doc: "With `value` wired, its k-th record goes the way that the k-th truth value says, and the kind is ordered; " +
		"inputs of unequal length then fail the job. Without it the truth values themselves go. " +
		"Where nobody reads `else`, what is false is dropped (and counted as unread).",
	OrderedWith: "value",
	In: []nodes.Port{
		{Name: "in", Type: recipe.Bool, Doc: "truth values"},
		{Name: "value", Type: "T", Doc: "what to send on in their place", Optional: true},
	},
	Out: []nodes.Port{
		{Name: "out", Type: "T", Doc: "what is true"},
		{Name: "else", Type: "T", Doc: "what is false"},
	},
	Else: map[string]recipe.Type{"T": recipe.Bool},
	Examples: []nodes.Example{
		{
			Ins:  map[string][]any{"in": {true, false, true}},
			Outs: map[string][]any{"out": {true, true}, "else": {false}},
		},
		{
			Doc:  "As a gate",
			Ins:  map[string][]any{"in": {true, false, true}, "value": {"a", "b", "c"}},
			Outs: map[string][]any{"out": {"a", "c"}, "else": {"b"}},
		},
	},
}, newIf)

func newIf(c aheadConfig, env *nodes.Env) (any, error) {
	if len(env.Types.In) < 2 {
		return branch{}, nil
	}
	return &gate{pairs{names: [2]string{"in", "value"}, maxAhead: c.MaxAhead}}, nil
}

// branch is the kind without value.
type branch struct{}

// Process implements nodes.Processor.
func (branch) Process(c *nodes.Call, r nodes.Record) error {
	c.EmitTo(way(r), r)
	return nil
}

// way is the output port of a truth value.
func way(r nodes.Record) int {
	if r.Bool() {
		return 0
	}
	return 1
}

// gate is the kind with value.
type gate struct{ pairs }

// Process implements nodes.Processor.
func (g *gate) Process(c *nodes.Call, r nodes.Record) error {
	other, paired, err := g.arrive(c.Port, r)
	if err != nil || !paired {
		return err
	}
	if c.Port == 1 {
		other, r = r, other
	}
	c.EmitTo(way(r), other)
	return nil
}
