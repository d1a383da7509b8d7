package math

import "sluice/nodes"

var andKind = nodes.Define(foldSpec("and", "Tells whether the last values are all true",
	nodes.Example{Config: "values_to_keep: 2", In: []any{true, false, true, true, false}, Out: []any{false, false, true, false}},
	nodes.Example{Doc: "A window of one is the value itself", Config: "values_to_keep: 1", In: []any{true, false}, Out: []any{true, false}},
), newFold(func(trues, n int) bool { return trues == n }))
