// Package source holds the kinds that records come from. Start at [Kinds].
//
// file_reader is cut into: splits.go (what pieces a path comes to), content.go (how a
// file is packed), lines.go (how bytes become records). stdin shares the last one.
package source

import "sluice/nodes"

// Kinds returns the table of this category.
func Kinds() []nodes.Kind {
	return []nodes.Kind{
		fileReaderKind,
		integerGeneratorKind,
		stdinKind,
		stringGeneratorKind,
	}
}
