// Package all is the catalogue of this build: the tables of all categories in one.
package all

import (
	"sluice/nodes"
	"sluice/nodes/flow"
	"sluice/nodes/math"
	"sluice/nodes/sink"
	"sluice/nodes/source"
)

// Catalogue returns the kinds of this build.
func Catalogue() *nodes.Catalogue {
	c, err := nodes.NewCatalogue(
		flow.Kinds(),
		math.Kinds(),
		sink.Kinds(),
		source.Kinds(),
	)
	if err != nil {
		panic(err) // at start-up, when two kinds of the tables above have one name
	}
	return c
}
