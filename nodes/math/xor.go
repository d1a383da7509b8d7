package math

import "sluice/nodes"

var xorKind = nodes.Define(foldSpec("xor", "Tells whether an odd number of the last values is true",
	nodes.Example{Config: "values_to_keep: 2", In: []any{true, false, true, true, false}, Out: []any{true, true, false, true}},
	nodes.Example{Config: "values_to_keep: 3", In: []any{true, false, true, true, false}, Out: []any{false, false, false}},
	nodes.Example{Doc: "Too few values", Config: "values_to_keep: 3", In: []any{true, false}},
), newFold(func(trues, _ int) bool { return trues%2 == 1 }))
