package compile

import (
	"cmp"
	"encoding/json"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

const (
	gateKind     = "gate"
	gateParallel = 4
	gateCapacity = 64 // of the lossless edge below a gate
	stepParallel = 4
	maxInHand    = 256       // frames in hand of a step that takes them in any order
	maxOrdered   = 1_000_000 // and of an ordered one
	laneSlack    = 16        // frames of a lane beyond the window
	dropRoom     = 1024      // and below a gate that drops: empty frames that wait behind a slow one
	dropOver     = 64        // frames beyond the capacity of an edge that drops, at least, until its gate looks
	dropInHand   = 16        // and those that the gate has in hand
)

// lower makes the plan. The graph has no faults any more.
func (c *compilation) lower() {
	l := &lowering{c: c, plan: &recipe.Plan{
		Version:     recipe.PlanVersion,
		Recipe:      cmp.Or(c.top.doc.Recipe, fileName(c.file)),
		Description: c.top.doc.Description,
		Seed:        c.o.Seed,
		Frame:       c.o.Frame,
		Window:      c.o.Window,
		Edges:       make([]recipe.Edge, 0, len(c.edges)),
	}}
	if len(c.top.params) > 0 {
		l.plan.Params = make(map[string]any, len(c.top.params))
		for name, p := range c.top.params {
			if p != nil { // given, or not needed to check a part
				l.plan.Params[name] = json.RawMessage(p.value.AppendJSON(nil))
			}
		}
	}
	for _, n := range c.order {
		l.node(n)
	}
	l.streams()
	c.plan = l.plan
}

// fileName is what a recipe without a name is called: its file's name without ending,
// where that can be one.
func fileName(file string) string {
	name := strings.TrimSuffix(path.Base(strings.ReplaceAll(file, "\\", "/")), path.Ext(file))
	if !recipe.IsName(strings.ReplaceAll(name, "-", "_")) {
		return ""
	}
	return name
}

type lowering struct {
	c    *compilation
	plan *recipe.Plan
}

// file is where a node of an included recipe is written, seen from the top recipe's folder:
// a plan is the same wherever it was made.
func (l *lowering) file(n *node) string {
	if !n.unit.inner() {
		return ""
	}
	rel, err := filepath.Rel(filepath.Dir(l.c.file), n.unit.file())
	if err != nil {
		return n.unit.file()
	}
	return filepath.ToSlash(rel)
}

// node makes a node's step, and before it the gates that read its lossy edges.
func (l *lowering) node(n *node) {
	gates := map[*edge]int{}
	for port, edges := range n.in {
		lossy := 0
		for _, e := range edges {
			if e.lossy() {
				lossy++
			}
		}
		number := 0
		for _, e := range edges {
			if e.lossy() {
				number++
				name := n.path + "." + n.kind.In[port].Name + "~gate"
				if lossy > 1 {
					name += strconv.Itoa(number)
				}
				gates[e] = l.gate(n, e, name)
			}
		}
	}
	n.step = l.step(recipe.Step{
		Node: n.path, Kind: n.kind.Kind, Version: n.kind.Version, Role: role(n), Sink: n.kind.Role == nodes.Sink,
		Config: n.config, Field: n.field, Into: n.into, Inputs: n.types.In, Outputs: n.types.Out,
		Parallel: parallel(n), OnError: n.set.onError, Retry: n.set.retry, MaxDead: n.set.maxDead,
		Pool: n.set.pool, Line: n.doc.Line, File: l.file(n), Unread: unread(n),
	})
	if n.field != "" {
		s := &l.plan.Steps[n.step]
		s.FieldType, s.IntoType = n.inner.In[0].Type, n.inner.Out[0].Type
	}
	wired := 0
	for _, edges := range n.in {
		for _, e := range edges {
			out := recipe.Edge{From: e.from.step, FromPort: e.fromPort, To: n.step, ToPort: wired, Type: e.typ,
				Capacity: e.set.capacity, Overflow: recipe.Block}
			if g, gated := gates[e]; gated {
				out.From, out.FromPort, out.Capacity = g, 0, gateCapacity
			}
			l.edge(out, e.from.expands)
		}
		if len(edges) > 0 {
			wired++
		}
	}
	if l.plan.Steps[n.step].Role == recipe.RoleSource {
		l.plan.Steps[n.step].Lanes = []recipe.Lane{{Source: n.step}}
	}
}

func (e *edge) lossy() bool { return e.set.ttl > 0 || e.set.overflow != recipe.Block }

func role(n *node) recipe.Role {
	var wired []string
	for _, p := range n.types.In {
		wired = append(wired, p.Name)
	}
	if n.kind.Arrives(n.config) {
		return recipe.RoleRelay
	}
	switch n.kind.RoleWith(wired) {
	case nodes.Origin:
		return recipe.RoleSource
	case nodes.Stateless:
		return recipe.RoleRelay
	}
	return recipe.RoleOrdered
}

// parallel is how many frames of a step are in hand on one worker; an ordered step
// takes one after the other, whatever is asked for.
func parallel(n *node) int {
	switch {
	case role(n) == recipe.RoleOrdered:
		return 1
	case n.set.parallel > 0:
		return n.set.parallel
	}
	return stepParallel
}

func unread(n *node) []string {
	read := make([]bool, len(n.kind.Out))
	for _, e := range n.out {
		read[e.fromPort] = true
	}
	var names []string
	for i, r := range read {
		if !r {
			names = append(names, n.kind.Out[i].Name)
		}
	}
	return names
}

// gate makes the gate that reads a lossy edge, and returns its step.
func (l *lowering) gate(n *node, e *edge, name string) int {
	id := l.step(recipe.Step{
		Node: name, Kind: gateKind, Version: 1, Role: recipe.RoleGate, Config: json.RawMessage("{}"),
		Inputs:   []recipe.PortType{{Name: "in", Type: e.typ}},
		Outputs:  []recipe.PortType{{Name: "out", Type: e.typ}},
		Parallel: gateParallel, OnError: recipe.DeadLetter, Retry: n.set.retry, MaxDead: n.set.maxDead,
		Pool: n.set.pool, Line: n.doc.Line, File: l.file(n),
	})
	l.edge(recipe.Edge{From: e.from.step, FromPort: e.fromPort, To: id, Type: e.typ,
		Capacity: e.set.capacity, Overflow: e.set.overflow, TTL: e.set.ttl}, e.from.expands)
	return id
}

func (l *lowering) step(s recipe.Step) int {
	s.ID = len(l.plan.Steps)
	l.plan.Steps = append(l.plan.Steps, s)
	return s.ID
}

// dropLimit is what an edge that drops may hold: so much more than its capacity that who
// writes it need not wait for the gate, which drops what is over it.
func dropLimit(capacity int) int { return capacity + max(capacity, dropOver) }

// edge adds an edge to the plan and joins the reader's lanes to it. expands says
// whether frames may come in parts.
func (l *lowering) edge(e recipe.Edge, expands bool) {
	writer, reader := &l.plan.Steps[e.From], &l.plan.Steps[e.To]
	e.ID = recipe.EdgeID("e" + strconv.Itoa(len(l.plan.Edges)+1))
	e.Subject = "sluice.{job}." + string(e.ID)
	e.LaneBase = len(reader.Lanes)
	for _, lane := range writer.Lanes {
		room := lane.Room
		if reader.Role == recipe.RoleGate && e.Overflow != recipe.Block {
			room += dropRoom + dropLimit(e.Capacity)
		}
		reader.Lanes = append(reader.Lanes, recipe.Lane{Source: lane.Source, Port: e.ToPort, Room: room})
	}
	switch {
	case reader.Role == recipe.RoleOrdered:
		w := l.plan.Window
		room := 0
		for _, lane := range writer.Lanes {
			room += w.Splits*(w.Frames+lane.Room) + w.Splits + laneSlack
		}
		if expands {
			room *= recipe.MaxParts
		}
		e.Limit = max(e.Capacity, room)
		e.InHand = min(e.Limit, maxOrdered)
	case e.Overflow != recipe.Block && e.Overflow != "":
		e.Limit, e.InHand = dropLimit(e.Capacity), min(max(e.Capacity, dropInHand), maxInHand)
	default:
		e.Limit, e.InHand = e.Capacity, min(e.Capacity, maxInHand)
	}
	reader.In = append(reader.In, e.ID)
	writer.Out = append(writer.Out, e.ID)
	l.plan.Edges = append(l.plan.Edges, e)
}

// streams groups edges of equal settings, in plan order, StreamEdges to a stream.
func (l *lowering) streams() {
	type group struct {
		limit int
		ttl   int64
	}
	open := map[group]int{}
	for i := range l.plan.Edges {
		e := &l.plan.Edges[i]
		g := group{e.Limit, int64(e.TTL)}
		k, ok := open[g]
		if !ok || len(l.plan.Streams[k].Edges) == recipe.StreamEdges {
			k = len(l.plan.Streams)
			open[g] = k
			l.plan.Streams = append(l.plan.Streams, recipe.Stream{
				Name: "SLUICE_{job}_E" + strconv.Itoa(k+1), Limit: e.Limit, TTL: e.TTL})
		}
		e.Stream = k
		l.plan.Streams[k].Edges = append(l.plan.Streams[k].Edges, e.ID)
	}
}
