package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"sluice/recipe"
)

// graph is a random plan, with what the simulation knows of its nodes.
type graph struct {
	plan    recipe.Plan
	nodes   []node // by step
	rng     *rand.Rand
	opt     Options
	ackWait time.Duration
	lease   time.Duration
	failing int          // one answer in so many fails
	damage  int          // one message in so many is damaged; 0 none
	tight   int64        // records that owners may hold before sources are told; 0 any
	ends    []end        // where inner nodes may read
	lossy   *recipe.Edge // read by the gate that is being added
}

// end is an output port of a step.
type end struct{ step, port int }

// node is a step's kind and how it is run.
type node struct {
	kind  kind
	tasks int
	limit int       // of a limit
	data  [][]int64 // of a source: its splits
	depth []int     // by lane: levels of parts
}

// Sizes of parts.
const (
	partRecords = 3
	partsMost   = 3
)

func newGraph(rng *rand.Rand, opt Options) *graph {
	g := &graph{rng: rng, opt: opt}
	g.ackWait = time.Duration(60+rng.IntN(140)) * time.Millisecond
	g.lease = time.Duration(60+rng.IntN(140)) * time.Millisecond
	g.failing = []int{10, 50, 400, 1 << 40}[rng.IntN(4)]
	if rng.IntN(4) == 0 {
		g.damage = 4 + rng.IntN(60)
	}
	if rng.IntN(4) == 0 {
		g.tight = int64(1 + rng.IntN(12))
	}
	g.plan.Window = recipe.Window{Splits: 1 + rng.IntN(3), Frames: 1 + rng.IntN(4)}
	for range 1 + rng.IntN(2) {
		g.source()
	}
	for range 1 + rng.IntN(6) {
		g.inner()
	}
	for _, e := range append([]end(nil), g.ends...) {
		if g.unread(e) || rng.IntN(6) == 0 {
			k := fileSink
			if rng.IntN(2) == 0 {
				k = arrivalSink
			}
			g.add(k, [][]end{{e}})
		}
	}
	g.limits()
	return g
}

func (g *graph) unread(e end) bool {
	for i := range g.plan.Edges {
		if x := &g.plan.Edges[i]; x.From == e.step && x.FromPort == e.port {
			return false
		}
	}
	return true
}

func (g *graph) source() {
	g.add(source, nil)
	n := &g.nodes[len(g.nodes)-1]
	for range 1 + g.rng.IntN(4) {
		d := make([]int64, g.rng.IntN(20))
		if g.rng.IntN(8) == 0 {
			d = make([]int64, g.rng.IntN(80))
		}
		for i := range d {
			d[i] = g.rng.Int64N(1000)
		}
		n.data = append(n.data, d)
	}
}

func (g *graph) inner() {
	kinds := []kind{mapper, mapper, filter, filter, window, window, zip, counter, branch, impure, limit, faulty, explode}
	k := kinds[g.rng.IntN(len(kinds))]
	a, b := g.ends[g.rng.IntN(len(g.ends))], g.ends[g.rng.IntN(len(g.ends))]
	both := a != b && len(g.plan.Steps[a.step].Lanes)+len(g.plan.Steps[b.step].Lanes) <= 6
	switch {
	case k == explode && g.exploded(a) >= 2:
		k = mapper
	case k == zip && !both:
		k = window
	}
	switch {
	case k == zip:
		g.add(k, [][]end{{a}, {b}})
	case both && g.rng.IntN(3) == 0 && (k != explode || g.exploded(b) < 2):
		g.add(k, [][]end{{a, b}})
	default:
		g.add(k, [][]end{{a}})
	}
}

// exploded tells how many steps above cut frames into parts.
func (g *graph) exploded(e end) int {
	n := 0
	for _, d := range g.outDepth(e.step) {
		n = max(n, d)
	}
	return n
}

// outDepth returns the levels of parts of a step's frames, by lane.
func (g *graph) outDepth(step int) []int {
	d := append([]int(nil), g.nodes[step].depth...)
	for i := range d {
		if g.nodes[step].kind == explode {
			d[i]++
		}
	}
	return d
}

// add appends a step that reads the given ends at its input ports, with a gate before it
// wherever the edge may lose.
func (g *graph) add(k kind, ports [][]end) int {
	type in struct {
		end
		port int
		edge recipe.Edge
	}
	var ins []in
	for p, ends := range ports {
		for _, e := range ends {
			edge := g.edge()
			if k == gate {
				edge = *g.lossy
			}
			if edge.Lossy() && k != gate && !g.opt.NoGates {
				e = end{step: g.gate(e, edge)}
				edge = recipe.Edge{Capacity: 1 + g.rng.IntN(4), Overflow: recipe.Block}
			}
			ins = append(ins, in{e, p, edge})
		}
	}
	id := len(g.plan.Steps)
	s := recipe.Step{ID: id, Node: fmt.Sprintf("%s%d", k, id), Kind: k.String(), Role: k.role(), Sink: k == fileSink || k == arrivalSink, Parallel: 1 + g.rng.IntN(3)}
	n := node{kind: k, tasks: 1 + g.rng.IntN(2), limit: 1 + g.rng.IntN(15)}
	if s.Role == recipe.RoleOrdered {
		n.tasks = 2
	}
	for p := range k.outputs() {
		s.Outputs = append(s.Outputs, recipe.PortType{Name: fmt.Sprint(p)})
		if k != gate {
			g.ends = append(g.ends, end{id, p})
		}
	}
	if k == source {
		s.Lanes, n.depth = []recipe.Lane{{Source: id}}, []int{0}
	}
	for _, i := range ins {
		up := &g.plan.Steps[i.step]
		e := i.edge
		e.ID = recipe.EdgeID(fmt.Sprintf("e%d", len(g.plan.Edges)+1))
		e.From, e.FromPort, e.To, e.ToPort, e.LaneBase = i.step, i.end.port, id, i.port, len(s.Lanes)
		up.Out = append(up.Out, e.ID)
		s.In = append(s.In, e.ID)
		for l, lane := range up.Lanes {
			s.Lanes = append(s.Lanes, recipe.Lane{Source: lane.Source, Port: i.port})
			n.depth = append(n.depth, g.outDepth(i.step)[l])
		}
		g.plan.Edges = append(g.plan.Edges, e)
	}
	g.plan.Steps = append(g.plan.Steps, s)
	g.nodes = append(g.nodes, n)
	return id
}

// gate adds the gate that reads a lossy edge.
func (g *graph) gate(e end, lossy recipe.Edge) int {
	g.lossy = &lossy
	defer func() { g.lossy = nil }()
	return g.add(gate, [][]end{{e}})
}

// edge draws an edge's settings.
func (g *graph) edge() recipe.Edge {
	e := recipe.Edge{Capacity: 1 + g.rng.IntN(4), Overflow: recipe.Block}
	switch g.rng.IntN(20) {
	case 0, 1:
		e.TTL = time.Duration(100+g.rng.IntN(200)) * time.Millisecond
	case 2:
		e.Overflow = recipe.DropOldest
	case 3:
		e.Overflow = recipe.DropNewest
	case 4:
		e.Overflow, e.TTL = recipe.DropOldest, time.Duration(100+g.rng.IntN(200))*time.Millisecond
	case 5:
		e.Overflow, e.TTL = recipe.DropNewest, time.Duration(100+g.rng.IntN(200))*time.Millisecond
	}
	return e
}

// limits sets what the server holds and hands out, when the graph is known.
func (g *graph) limits() {
	for i := range g.plan.Edges {
		e := &g.plan.Edges[i]
		e.Limit, e.InHand = e.Capacity, 1+g.rng.IntN(4)
		if e.Overflow != recipe.Block {
			e.Limit = 2 * e.Capacity
		}
		if g.plan.Steps[e.To].Role != recipe.RoleOrdered || e.Lossy() {
			continue
		}
		room := 2
		for _, d := range g.outDepth(e.From) {
			frames := g.plan.Window.Splits * g.plan.Window.Frames
			for range d {
				frames *= partsMost
			}
			room += frames
		}
		if !g.opt.NarrowEdges {
			e.Limit = max(e.Limit, room)
		}
		if !g.opt.NarrowHand {
			e.InHand = e.Limit
		}
	}
}
