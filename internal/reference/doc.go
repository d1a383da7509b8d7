// Package reference explains kinds of nodes: as text on a terminal, as JSON for programs
// and as the Markdown pages under docs/kinds. All it says is drawn from the kinds' specs.
//
// Start reading at [Of].
package reference
