// Package math holds the kinds that compute with numbers and truth values. Start at
// [Kinds]. Those that look back over the last values share window.go; their state is
// those values.
package math

import "sluice/nodes"

// Kinds returns the table of this category.
func Kinds() []nodes.Kind {
	return []nodes.Kind{
		andKind,
		orKind,
		pairwiseProductKind,
		parseFloatKind,
		parseIntKind,
		rollingAverageKind,
		rollingSumKind,
		xorKind,
	}
}
