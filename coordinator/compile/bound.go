package compile

import (
	"sluice/recipe"
)

// maxBacklog is what the edges of a plan may hold together, in bytes, were all of
// them full of frames of the full size.
const maxBacklog = 256 << 30

// bound checks what grows with the graph: lanes, and what the edges could hold.
func (c *compilation) bound() {
	total := int64(0)
	for _, n := range c.order {
		if len(n.kind.In) == 0 {
			n.lanes = 1
		}
		hidden := false // by a fault above
		for _, edges := range n.in {
			for _, e := range edges {
				hidden = hidden || e.from.lanes == 0
				n.lanes += e.from.lanes
				n.expands = n.expands || e.from.expands
				total += int64(e.set.capacity) * int64(c.o.Frame.Bytes)
			}
		}
		n.expands = n.expands || n.kind.Expands
		if n.lanes > recipe.MaxLanes && !hidden {
			c.fault(n.unit.file(), recipe.CodeLanes, n.doc.Place, n.at(""), "merge less, or write a file in between", "%d ways lead from sources to %s; a node may have %d", n.lanes, n.doc.Name, recipe.MaxLanes)
		}
		if n.lanes > recipe.MaxLanes || hidden {
			n.lanes = 0
		}
	}
	if total > maxBacklog {
		c.fault(c.file, recipe.CodeBacklog, c.top.doc.Place, "", "lower the capacity of edges", "the edges could hold %d GiB together (capacity × frame size); they may hold %d GiB", total>>30, int64(maxBacklog)>>30)
	}
}
