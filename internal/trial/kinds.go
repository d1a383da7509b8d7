package trial

import (
	"sluice/nodes"
	"sluice/nodes/all"
)

// Catalogue is the build's catalogue with the kinds that only tests have.
func Catalogue() *nodes.Catalogue {
	c, err := nodes.NewCatalogue(all.Catalogue().Table(), Kinds)
	if err != nil {
		panic(err) // at start-up, when two kinds have one name
	}
	return c
}

// Kinds are the kinds that only tests have: give and keep stand at the ends of an
// example, witness tells, the others misbehave on request.
var Kinds = []nodes.Kind{giveKind, keepKind, moodyKind, burstKind, jitterKind, heldKind, witnessKind, stuckKind, panickySourceKind, panickyFeedKind, panickyKind, oracleKind, toilKind}
