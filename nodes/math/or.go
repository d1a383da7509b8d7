package math

import "sluice/nodes"

var orKind = nodes.Define(foldSpec("or", "Tells whether any of the last values is true",
	nodes.Example{Config: "values_to_keep: 2", In: []any{true, false, true, true, false}, Out: []any{true, true, true, true}},
	nodes.Example{Config: "values_to_keep: 3", In: []any{false, false, false, true}, Out: []any{false, true}},
), newFold(func(trues, _ int) bool { return trues > 0 }))
