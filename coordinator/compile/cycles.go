package compile

import (
	"container/heap"
	"slices"
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
	}
	c.needSource()
}

// needSource reports a recipe in which no node is a source.
func (c *compilation) needSource() {
	for _, n := range c.nodes {
		if n.kind == nil || n.kind.Role == nodes.Origin {
			return
		}
	}
	if slices.ContainsFunc(c.faults, func(d recipe.Diagnostic) bool { return d.Code == recipe.CodeCycle }) {
		return // which is why
	}
	if len(c.nodes) > 0 {
		c.fault(c.file, recipe.CodeNoSource, c.top.doc.Place, "nodes", "add a node that reads something, such as file_reader", "no node of the recipe is a source")
	}
}

// nameCycles reports one cycle of each set of nodes that all lie above each other
// (the strongly connected components, by Tarjan's algorithm without recursion).
func (c *compilation) nameCycles(waits []int) {
	s := search{low: make([]int, len(c.nodes)), seen: make([]int, len(c.nodes)), set: make([]int, len(c.nodes))}
	for _, n := range c.nodes {
		if waits[n.index] > 0 && s.seen[n.index] == 0 {
			s.from(n)
		}
	}
	named := make([]bool, s.sets+1)
	for _, n := range c.nodes {
		if set := s.set[n.index]; set > 0 && !named[set] && s.above(n) != nil {
			named[set] = true
			c.nameCycle(n, &s)
		}
	}
}

// search is Tarjan's algorithm over the edges that lead into nodes.
type search struct {
	seen, low, set []int // by node: when it was met, the earliest it reaches, its component
	time, sets     int
	stack          []*node
}

type visit struct {
	n    *node
	port int
	next int // edge of the port
}

func (s *search) enter(n *node) visit {
	s.time++
	s.seen[n.index], s.low[n.index] = s.time, s.time
	s.stack = append(s.stack, n)
	return visit{n: n}
}

func (s *search) from(start *node) {
	path := []visit{s.enter(start)}
	for len(path) > 0 {
		v := &path[len(path)-1]
		n := v.n
		if v.port < len(n.in) && v.next < len(n.in[v.port]) {
			from := n.in[v.port][v.next].from
			v.next++
			if s.seen[from.index] == 0 {
				path = append(path, s.enter(from))
			} else if s.set[from.index] == 0 {
				s.low[n.index] = min(s.low[n.index], s.seen[from.index])
			}
			continue
		}
		if v.port < len(n.in) {
			v.port, v.next = v.port+1, 0
			continue
		}
		path = path[:len(path)-1]
		if len(path) > 0 {
			up := path[len(path)-1].n
			s.low[up.index] = min(s.low[up.index], s.low[n.index])
		}
		if s.low[n.index] == s.seen[n.index] {
			s.close(n)
		}
	}
}

// close takes a finished component off the stack.
func (s *search) close(n *node) {
	s.sets++
	for {
		top := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		s.set[top.index] = s.sets
		if top == n {
			return
		}
	}
}

// above returns the first node that n reads of its own component.
func (s *search) above(n *node) *node {
	for _, edges := range n.in {
		for _, e := range edges {
			if s.set[e.from.index] == s.set[n.index] {
				return e.from
			}
		}
	}
	return nil
}

// nameCycle walks upwards from a node, within its component, until it comes round.
func (c *compilation) nameCycle(n *node, s *search) {
	const most = 20
	at := map[*node]int{}
	var path []*node
	for {
		if _, met := at[n]; met {
			break
		}
		at[n] = len(path)
		path = append(path, n)
		n = s.above(n)
	}
	cycle := path[at[n]:]
	slices.Reverse(cycle)
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
