// Package net holds the kinds that reach over the network, and the guard that decides
// where they may.
//
// A kind opens connections by Env.Dial alone. A worker fills that in with the Dial of a
// [Guard], made of what the operator allowed; a recipe has no say in it. Start reading
// at [Kinds] and [Guard].
package net

import "sluice/nodes"

// Kinds is the table of this category.
var Kinds = []nodes.Kind{
	FetchURL,
}
