// Package flow holds the kinds that route, gather and pace records without knowing
// much of what is in them. Start at [Kinds]. The two that pair records of two inputs,
// zip and if, share pairs.go.
package flow

import "sluice/nodes"

// Kinds returns the table of this category.
func Kinds() []nodes.Kind {
	return []nodes.Kind{
		countByKind,
		dedupeKind,
		delayKind,
		ifKind,
		limitKind,
		sampleKind,
		splitKind,
		throttleKind,
		topKind,
		zipKind,
	}
}

var errState = nodes.Permanentf("the state is malformed")
