// Package all is the catalogue of this build: the tables of all categories in one.
package all

import (
	"sluice/nodes"
	"sluice/nodes/codec"
	"sluice/nodes/crypto"
	"sluice/nodes/data"
	"sluice/nodes/extract"
	"sluice/nodes/flow"
	"sluice/nodes/math"
	"sluice/nodes/net"
	"sluice/nodes/sink"
	"sluice/nodes/source"
	"sluice/nodes/text"
)

// Catalogue returns the kinds of this build.
func Catalogue() *nodes.Catalogue {
	c, err := nodes.NewCatalogue(
		codec.Kinds,
		crypto.Kinds,
		data.Kinds,
		extract.Kinds,
		flow.Kinds(),
		math.Kinds(),
		net.Kinds,
		sink.Kinds(),
		source.Kinds(),
		text.Kinds,
	)
	if err != nil {
		panic(err) // at start-up, when two kinds of the tables above have one name
	}
	return c
}
