package compile

import (
	"slices"

	"sluice/recipe"
)

// tracer follows references, through the open ports of included recipes, to the
// output ports of nodes.
type tracer struct {
	c      *compilation
	to     *node
	edges  []*edge
	failed bool
	full   bool            // no more edges may lead into the port
	seen   map[origin]bool // references being followed, against passing round in circles
	place  recipe.Place    // of the reference that the edges will be reported at
	file   string
	path   string
}

type origin struct {
	unit *unit
	ref  *recipe.Ref
}

// way is what a reference has passed so far.
type way struct {
	set    edgeSettings
	own    partialEdge // what references have said; the first one that says it counts
	inlets []inlet
}

func (t *tracer) fail(u *unit, ref *recipe.Ref, code recipe.Code, hint, format string, args ...any) {
	t.failed = true
	t.c.fault(u.file(), code, ref.Place, ref.Path, hint, format, args...)
}

func (t *tracer) follow(u *unit, ref *recipe.Ref, w way) {
	if ref.Node == "" { // at fault already
		t.failed = true
		return
	}
	if t.full {
		return
	}
	if len(t.edges) == recipe.MaxLanes {
		t.full = true
		t.fail(u, ref, recipe.CodeLanes, "merge in several steps", "more than %d edges lead into one port of %s", recipe.MaxLanes, t.to.doc.Name)
		return
	}
	key := origin{u, ref}
	if t.seen[key] {
		t.fail(u, ref, recipe.CodeCycle, "", "the reference leads through open ports back to itself")
		return
	}
	t.seen[key] = true
	defer delete(t.seen, key)

	if ref.Node == recipe.Inputs {
		t.outward(u, ref, w)
	} else if sub := u.units[ref.Node]; sub != nil {
		t.inward(u, sub, ref, w)
	} else if n := u.nodes[ref.Node]; n != nil {
		t.arrive(u, n, ref, w)
	} else if slices.Contains(u.names, ref.Node) { // an inclusion that failed
		t.failed = true
	} else {
		t.fail(u, ref, recipe.CodeNode, t.c.didYouMean(ref.Node, func() []string { return u.names }), "unknown node %s", ref.Node)
	}
}

// outward follows inputs.PORT to what the including recipe wires there.
func (t *tracer) outward(u *unit, ref *recipe.Ref, w way) {
	names := make([]string, len(u.doc.Inputs))
	for i, in := range u.doc.Inputs {
		names[i] = in.Name
	}
	port := ref.Port
	if port == "" && len(names) == 1 {
		port = names[0]
	}
	i := slices.Index(names, port)
	if i < 0 {
		hint := "declare it under inputs"
		if len(names) > 0 {
			hint = t.c.portHint(port, names)
		}
		t.fail(u, ref, recipe.CodePort, hint, "the recipe has no open input port %s", port)
		return
	}
	if !u.inner() { // open ports of the top recipe are reported by expand
		t.failed = true
		return
	}
	found := false
	for j := range u.by.From {
		wire := &u.by.From[j]
		if wire.Port != port && (wire.Port != "" || len(names) > 1) {
			continue
		}
		found = true
		for k := range wire.From {
			from := &wire.From[k]
			outer := way{set: w.set, own: w.own.or(t.c.edgeSettings(u.up, from))}
			outer.inlets = append(slices.Clip(w.inlets), inlet{port, u.doc.Inputs[i].Type, u.up.file(), from})
			t.follow(u.up, from, outer)
		}
	}
	if !found {
		t.failed = true // reported by checkInlets
	}
}

// inward follows NODE.PORT, where NODE is an included recipe, to its inner nodes.
func (t *tracer) inward(u, sub *unit, ref *recipe.Ref, w way) {
	names := make([]string, len(sub.doc.Outputs))
	for i, out := range sub.doc.Outputs {
		names[i] = out.Name
	}
	i := defaultPort(ref.Port, names)
	if i < 0 {
		if len(names) == 0 {
			t.fail(u, ref, recipe.CodeSink, "", "%s is a recipe without open output ports: no edge can lead out of it", ref.Node)
		} else {
			t.fail(u, ref, recipe.CodePort, t.c.portHint(ref.Port, names), "%s (%s) has no output port %s", ref.Node, sub.by.Kind, portName(ref.Port))
		}
		return
	}
	for k := range sub.doc.Outputs[i].From {
		t.follow(sub, &sub.doc.Outputs[i].From[k], w)
	}
}

// arrive makes an edge from a node's output port.
func (t *tracer) arrive(u *unit, n *node, ref *recipe.Ref, w way) {
	if n.kind == nil {
		t.failed = true
		return
	}
	names := portNames(n.kind.Out)
	if len(names) == 0 {
		t.fail(u, ref, recipe.CodeSink, "", "%s is a sink (%s): no edge can lead out of it", ref.Node, n.kind.Kind)
		return
	}
	port := defaultPort(ref.Port, names)
	if port < 0 {
		t.fail(u, ref, recipe.CodePort, t.c.portHint(ref.Port, names), "%s (%s) has no output port %s", ref.Node, n.kind.Kind, portName(ref.Port))
		return
	}
	t.edges = append(t.edges, &edge{from: n, fromPort: port, to: t.to, set: w.own.over(w.set),
		inlets: w.inlets, place: t.place, file: t.file, path: t.path})
}

func portName(name string) string {
	if name == "" {
		return defaultOut
	}
	return name
}

// defaultPort returns the index of the port that a reference names; without a name,
// that of out, or of the only port there is; or -1.
func defaultPort(name string, ports []string) int {
	if name == "" {
		if len(ports) == 1 {
			return 0
		}
		name = defaultOut
	}
	return slices.Index(ports, name)
}
