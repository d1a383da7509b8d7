// Package flow holds the kinds that route, gather and pace records without knowing
// what is in them. Start at [Kinds].
package flow

import "sluice/nodes"

// Kinds returns the table of this category.
func Kinds() []nodes.Kind {
	return []nodes.Kind{
		splitKind,
	}
}
