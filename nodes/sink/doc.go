// Package sink holds the kinds that records end in. Start at [Kinds].
package sink

import "sluice/nodes"

// Kinds returns the table of this category.
func Kinds() []nodes.Kind {
	return []nodes.Kind{
		fileWriterKind,
		printerKind,
	}
}
