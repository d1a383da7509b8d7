package compile

import (
	"container/heap"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// findCycles puts the nodes into topological order, in document order where the graph
// leaves a choice, and names a cycle where there is none.
func (c *compilation) findCycles() {
	waits := make([]int, len(c.nodes))
	for _, e := range c.edges {
		waits[e.to.index]++
	}
	var ready byIndex
	for _, n := range c.nodes {
		if waits[n.index] == 0 {
			ready = append(ready, n) // in order, so it is a heap already
		}
	}
	for len(ready) > 0 {
		n := heap.Pop(&ready).(*node)
		c.order = append(c.order, n)
		for _, e := range n.out {
			if waits[e.to.index]--; waits[e.to.index] == 0 {
				heap.Push(&ready, e.to)
			}
		}
	}
	if len(c.order) < len(c.nodes) {
		c.nameCycles(waits)
		return
	}
	for _, n := range c.nodes {
		if n.kind == nil || n.kind.Role == nodes.Origin {
			return
		}
	}
	if len(c.faults) == 0 {
		c.fault(c.file, recipe.CodeNoSource, c.top.doc.Place, "nodes", "add a node that reads something, such as file_reader", "no node of the recipe is a source")
	}
}

// nameCycles reports each cycle that walking upwards from the nodes that wait for each
// other finds; nodes that merely lie below a cycle lead to the same ones.
func (c *compilation) nameCycles(waits []int) {
	const walked, here = 1, 2
	state := make([]int, len(c.nodes))
	for _, start := range c.nodes {
		var path []*node
		for n := start; waits[n.index] > 0 && state[n.index] != walked; n = waitedFor(n, waits) {
			if state[n.index] == here {
				c.nameCycle(n, path)
				break
			}
			state[n.index] = here
			path = append(path, n)
		}
		for _, n := range path {
			state[n.index] = walked
		}
	}
}

// waitedFor returns the first node above n that is itself on or below a cycle.
func waitedFor(n *node, waits []int) *node {
	for _, edges := range n.in {
		for _, e := range edges {
			if waits[e.from.index] > 0 {
				return e.from
			}
		}
	}
	return n
}

func (c *compilation) nameCycle(n *node, path []*node) {
	const most = 20
	var cycle []*node
	for i := len(path) - 1; i >= 0; i-- {
		cycle = append(cycle, path[i])
		if path[i] == n {
			break
		}
	}
	first := 0 // begin at the node that the document names first
	for i, m := range cycle {
		if m.index < cycle[first].index {
			first = i
		}
	}
	var names []string
	for i := range cycle {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, cycle[(first+i)%len(cycle)].path)
	}
	top := cycle[first]
	names = append(names, top.path)
	c.fault(top.unit.file(), recipe.CodeCycle, top.doc.Place, top.at(".from"), "", "these nodes read each other in a circle: %s", strings.Join(names, " → "))
}

// byIndex is a heap of nodes in document order.
type byIndex []*node

func (h byIndex) Len() int           { return len(h) }
func (h byIndex) Less(i, j int) bool { return h[i].index < h[j].index }
func (h byIndex) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *byIndex) Push(x any) { *h = append(*h, x.(*node)) }

// Pop implements heap.Interface.
func (h *byIndex) Pop() any {
	old := *h
	n := old[len(old)-1]
	*h = old[:len(old)-1]
	return n
}
