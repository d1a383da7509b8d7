package compile

import (
	"slices"
	"strings"

	"sluice/recipe"
)

// openPort is an open port of a unit, and the references that lead into it: for an input
// port those of the including recipe, for an output port those of the unit's own. Where
// they come from is found once, however many nodes read the port.
type openPort struct {
	name  string
	inlet bool        // it is an input port
	typ   recipe.Type // that an input port declares; "" for an output port
	in    *unit       // whose references lead into the port
	refs  []*recipe.Ref
	state tracing

	ends   []end
	failed bool
	now    *recipe.Ref // being followed
}

type tracing int

const (
	unknown tracing = iota
	following
	known
)

// end is an output port of a node that a reference comes from, and what is said on the way.
type end struct {
	outlet
	own    partialEdge // what references say of the edge; the reader's count first
	passed *passage
	in     *unit       // the outermost recipe on the way that wires an open input port, nil for none,
	ref    *recipe.Ref // and the reference by which it does
}

// passage is an open input port on the way from an output port: its declared type must
// take the records. What was passed before, further out, is behind outer.
type passage struct {
	from  outlet
	port  *openPort
	ref   *recipe.Ref
	outer *passage
	state tracing
	fits  bool // once it is known
}

// openPorts lists the open ports of a unit.
func (u *unit) openPorts() {
	for i := range u.doc.Inputs {
		p := &openPort{name: u.doc.Inputs[i].Name, inlet: true, typ: u.doc.Inputs[i].Type, in: u.up}
		if u.inner() {
			p.refs = u.wired(p.name)
		}
		u.inlets = append(u.inlets, p)
	}
	for i := range u.doc.Outputs {
		p := &openPort{name: u.doc.Outputs[i].Name, in: u}
		for k := range u.doc.Outputs[i].From {
			p.refs = append(p.refs, &u.doc.Outputs[i].From[k])
		}
		u.outlets = append(u.outlets, p)
	}
}

// wired returns the references of the including node that lead into an open port.
func (u *unit) wired(port string) []*recipe.Ref {
	var refs []*recipe.Ref
	for i := range u.by.From {
		w := &u.by.From[i]
		if w.Port == port || w.Port == "" && len(u.doc.Inputs) == 1 {
			for k := range w.From {
				refs = append(refs, &w.From[k])
			}
		}
	}
	return refs
}

// tellOutlets says where the open outputs of included recipes lead from.
func (c *compilation) tellOutlets() {
	if c.o.Outlets == nil {
		return
	}
	for _, u := range c.units {
		if !u.inner() {
			continue
		}
		for _, p := range u.outlets {
			name := strings.TrimSuffix(u.prefix, "/") + "." + p.name
			for _, e := range p.ends {
				c.o.Outlets[name] = append(c.o.Outlets[name], e.name())
			}
		}
	}
}

func openNames(ports []*openPort) []string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.name
	}
	return names
}

// checkRefs follows every reference of a unit, read or not, and so finds all their faults.
func (c *compilation) checkRefs(u *unit) {
	for i := range u.doc.Nodes {
		for _, w := range u.doc.Nodes[i].From {
			for k := range w.From {
				c.follow(u, &w.From[k])
				c.edgeSettings(u, &w.From[k])
			}
		}
	}
	for _, p := range slices.Concat(u.inlets, u.outlets) {
		c.lead(p)
	}
}

// lead finds the ends of an open port.
func (c *compilation) lead(p *openPort) {
	switch p.state {
	case known:
		return
	case following:
		c.circle(p)
		return
	}
	p.state = following
	c.tracing = append(c.tracing, p)
	for _, ref := range p.refs {
		p.now = ref
		ends, ok := c.follow(p.in, ref)
		if len(p.ends)+len(ends) > recipe.MaxLanes {
			c.tooWide(p.in, ref, "the open port "+p.name)
			p.failed = true
			break
		}
		p.failed = p.failed || !ok
		for _, e := range ends {
			if i := slices.IndexFunc(p.ends, func(o end) bool { return o.outlet == e.outlet }); i >= 0 {
				c.twice(p.in, ref, p.ends[i], e, "open port "+p.name)
				p.failed = true
				break
			}
			p.ends = append(p.ends, c.pass(p, ref, e))
		}
	}
	c.tracing = c.tracing[:len(c.tracing)-1]
	p.state = known
}

// pass takes an end through an open port.
func (c *compilation) pass(p *openPort, ref *recipe.Ref, e end) end {
	e.own = c.edgeSettings(p.in, ref).or(e.own)
	if p.inlet && e.in == nil {
		e.in, e.ref = p.in, ref
	}
	if p.typ != "" {
		e.passed = &passage{from: e.outlet, port: p, ref: ref, outer: e.passed}
		c.passages = append(c.passages, e.passed)
	}
	return e
}

// twice reports that an output port leads into a port of u twice: where a recipe around u
// wires it so, by two references of its own, there.
func (c *compilation) twice(u *unit, ref *recipe.Ref, first, from end, into string) {
	if from.in != nil && from.in.depth < u.depth && from.ref != first.ref {
		u, ref, into = from.in, from.ref, into+" in "+u.file()
	}
	c.faultAt(u, ref, recipe.CodeDuplicate, "name it once", "%s leads twice into the %s", from.name(), into)
}

func (c *compilation) tooWide(u *unit, ref *recipe.Ref, into string) {
	c.fault(u.file(), recipe.CodeLanes, ref.Place, ref.Path, "merge in several steps", "more than %d edges lead into %s", recipe.MaxLanes, into)
}

// circle reports that an open port leads to itself, at the outermost of the references
// on the way round.
func (c *compilation) circle(p *openPort) {
	round := c.tracing[slices.Index(c.tracing, p):]
	top := p
	for _, q := range round {
		q.failed = true
		if q.in.depth < top.in.depth {
			top = q
		}
	}
	c.fault(top.in.file(), recipe.CodeCycle, top.now.Place, top.now.Path, "", "the reference leads through open ports back to itself")
}

// follow returns the output ports of nodes that a reference of a unit comes from, and
// false when one or more are hidden by a fault.
func (c *compilation) follow(u *unit, ref *recipe.Ref) ([]end, bool) {
	switch n, sub := u.nodes[ref.Node], u.units[ref.Node]; {
	case ref.Node == "": // at fault already
	case ref.Node == recipe.Inputs:
		return c.outward(u, ref)
	case sub != nil:
		return c.inward(u, sub, ref)
	case n != nil:
		return c.arrive(u, n, ref)
	case !u.named[ref.Node]: // else an inclusion that failed
		c.faultAt(u, ref, recipe.CodeNode, c.didYouMean(ref.Node, func() []string { return u.names }), "unknown node %s", ref.Node)
	}
	return nil, false
}

func (c *compilation) faultAt(u *unit, ref *recipe.Ref, code recipe.Code, hint, format string, args ...any) {
	c.fault(u.file(), code, ref.Place, ref.Path, hint, format, args...)
}

// outward follows inputs.PORT to what the including recipe wires there.
func (c *compilation) outward(u *unit, ref *recipe.Ref) ([]end, bool) {
	names := openNames(u.inlets)
	port := ref.Port
	if port == "" && len(names) == 1 {
		port = names[0]
	}
	i := slices.Index(names, port)
	if i < 0 {
		hint := "declare it under inputs"
		if len(names) > 0 {
			hint = c.portHint(port, names)
		}
		c.faultAt(u, ref, recipe.CodePort, hint, "the recipe has no open input port %s", port)
		return nil, false
	}
	p := u.inlets[i]
	c.lead(p)
	return p.ends, !p.failed && len(p.ends) > 0 // that nothing leads into it is reported by checkInlets
}

// inward follows NODE.PORT, where NODE is an included recipe, to its inner nodes.
func (c *compilation) inward(u, sub *unit, ref *recipe.Ref) ([]end, bool) {
	names := openNames(sub.outlets)
	i := defaultPort(ref.Port, names)
	switch {
	case len(names) == 0:
		c.faultAt(u, ref, recipe.CodeSink, "", "%s is a recipe without open output ports: no edge can lead out of it", ref.Node)
		return nil, false
	case i < 0:
		c.faultAt(u, ref, recipe.CodePort, c.portHint(ref.Port, names), "%s (%s) has no output port %s", ref.Node, sub.by.Kind, portName(ref.Port))
		return nil, false
	}
	p := sub.outlets[i]
	c.lead(p)
	return p.ends, !p.failed && len(p.ends) > 0
}

// arrive finds a node's output port.
func (c *compilation) arrive(u *unit, n *node, ref *recipe.Ref) ([]end, bool) {
	if n.kind == nil {
		return nil, false
	}
	names := portNames(n.kind.Out)
	port := defaultPort(ref.Port, names)
	switch {
	case len(names) == 0:
		c.faultAt(u, ref, recipe.CodeSink, "", "%s is a sink (%s): no edge can lead out of it", ref.Node, n.kind.Kind)
		return nil, false
	case port < 0:
		c.faultAt(u, ref, recipe.CodePort, c.portHint(ref.Port, names), "%s (%s) has no output port %s", ref.Node, n.kind.Kind, portName(ref.Port))
		return nil, false
	}
	return []end{{outlet: outlet{n, port}}}, true
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
