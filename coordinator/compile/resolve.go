package compile

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// resolve finds what every from means: the edges of the flattened graph; and reads
// the settings of nodes and edges.
func (c *compilation) resolve() {
	c.refusePart()
	for _, u := range c.units {
		c.inherit(u)
		if u.inner() {
			c.checkInlets(u)
		}
		c.checkRefs(u)
	}
	for _, n := range c.nodes {
		c.nodeSettings(n)
		c.column(n)
		if n.kind == nil {
			c.unknownKind(n)
			continue
		}
		c.wire(n)
	}
	c.testNodes()
}

func (c *compilation) unknownKind(n *node) {
	hint := ""
	switch ext := path.Ext(n.doc.Kind); {
	case ext == ".yaml" || ext == ".yml" || ext == ".json":
		hint = "write " + includes + n.doc.Kind + " to include a recipe"
	default:
		hint = cmp.Or(c.didYouMean(n.doc.Kind, c.kindNames), "sluice kinds lists them")
	}
	c.fault(n.unit.file(), recipe.CodeKind, n.doc.KindAt, n.at(".kind"), hint, "unknown kind %s", n.doc.Kind)
}

func (c *compilation) kindNames() []string {
	all := c.o.Catalogue.All()
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = k.Kind
	}
	return names
}

// wire makes the edges into a node.
func (c *compilation) wire(n *node) {
	file := n.unit.file()
	ports := portNames(n.kind.In)
	if len(ports) == 0 {
		for _, w := range n.doc.From {
			c.fault(file, recipe.CodeSource, w.Place, n.at(".from"), "", "%s is a source (%s): no edge can lead into it", n.doc.Name, n.kind.Kind)
		}
		return
	}
	wired := make([]bool, len(ports))
	for _, w := range n.doc.From {
		port, ok := c.inPort(n, ports, w)
		if !ok {
			for i := range wired { // it could be meant for any port
				wired[i] = true
			}
			n.untyped = true
			continue
		}
		wired[port] = true
		c.wirePort(n, port, w)
	}
	for i, p := range n.kind.In {
		if !wired[i] && !p.Optional {
			n.untyped = true
			c.fault(file, recipe.CodeUnwired, n.doc.Place, n.at(""), "add from", "the input port %s of %s has no edge", p.Name, n.doc.Name)
		}
	}
	if len(n.doc.From) == 0 && !slices.ContainsFunc(n.kind.In, func(p nodes.Port) bool { return !p.Optional }) {
		n.untyped = true
		c.fault(file, recipe.CodeUnwired, n.doc.Place, n.at(""), "add from", "no input port of %s has an edge", n.doc.Name)
	}
}

// inPort returns the input port that a wire leads into.
func (c *compilation) inPort(n *node, ports []string, w recipe.Wire) (int, bool) {
	if w.Port == "" {
		if i := plainPort(n.kind.In); i >= 0 {
			return i, true
		}
		c.fault(n.unit.file(), recipe.CodePlain, w.Place, n.at(".from"), "write from: {"+strings.Join(ports, ": …, ")+": …}", "%s has several input ports, so its from must name them", n.doc.Name)
		return 0, false
	}
	i := slices.Index(ports, w.Port)
	if i < 0 {
		c.fault(n.unit.file(), recipe.CodePort, w.Place, n.at(".from."+w.Port), c.portHint(w.Port, ports), "%s (%s) has no input port %s", n.doc.Name, n.kind.Kind, w.Port)
	}
	return i, i >= 0
}

// portHint suggests a near name, or says which ports there are.
func (c *compilation) portHint(name string, ports []string) string {
	if h := c.didYouMean(name, func() []string { return ports }); h != "" {
		return h
	}
	return "it has " + strings.Join(ports, ", ")
}

// plainPort returns the port that a from without port leads into: the only one, or the
// only one that must be wired; -1 when there are several.
func plainPort(ports []nodes.Port) int {
	if len(ports) == 1 {
		return 0
	}
	found := -1
	for i, p := range ports {
		if !p.Optional {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// wirePort makes the edges into one port.
func (c *compilation) wirePort(n *node, port int, w recipe.Wire) {
	made := map[outlet]end{}
	for i := range w.From {
		ref := &w.From[i]
		ends, ok := c.follow(n.unit, ref)
		if !ok {
			n.untyped = true
		}
		own := c.edgeSettings(n.unit, ref)
		for _, from := range ends {
			if len(made) == recipe.MaxLanes {
				n.untyped = true
				c.tooWide(n.unit, ref, "one port of "+n.doc.Name)
				return
			}
			if !c.mayRead(n, port, ref, made[from.outlet], from) {
				break // one fault of a reference is enough
			}
			made[from.outlet] = from
			e := &edge{from: from.node, fromPort: from.port, to: n, toPort: port, set: own.or(from.own).over(n.unit.set.edge),
				passed: from.passed, place: ref.Place, file: n.unit.file(), path: ref.Path}
			n.in[port] = append(n.in[port], e)
			e.from.out = append(e.from.out, e)
			c.edges = append(c.edges, e)
		}
	}
}

// mayRead refuses an edge from a node to itself, and one that is there already, as made.
func (c *compilation) mayRead(n *node, port int, ref *recipe.Ref, made, from end) bool {
	switch {
	case from.node == n:
		n.untyped = true
		c.faultAt(n.unit, ref, recipe.CodeSelf, "", "%s reads its own output", n.doc.Name)
		return false
	case made.node != nil:
		c.twice(n.unit, ref, made, from, "port "+n.kind.In[port].Name+" of "+n.doc.Name)
		return false
	}
	return true
}

// checkInlets checks that the open ports of an included recipe are wired, and that the
// including node wires no others.
func (c *compilation) checkInlets(u *unit) {
	names := openNames(u.inlets)
	at, file := "nodes."+u.by.Name, u.up.file()
	wired := map[string]bool{}
	for _, w := range u.by.From {
		switch {
		case len(names) == 0:
			c.fault(file, recipe.CodeSource, w.Place, at+".from", "", "%s is a recipe without open input ports: no edge can lead into it", u.by.Name)
			return
		case w.Port == "" && len(names) > 1:
			c.fault(file, recipe.CodePlain, w.Place, at+".from", "write from: {"+strings.Join(names, ": …, ")+": …}", "%s has several input ports, so its from must name them", u.by.Name)
			return
		case w.Port == "":
			wired[names[0]] = true
		case !slices.Contains(names, w.Port):
			c.fault(file, recipe.CodePort, w.Place, at+".from."+w.Port, c.portHint(w.Port, names), "%s (%s) has no input port %s", u.by.Name, u.by.Kind, w.Port)
			for _, name := range names { // it could be meant for any port
				wired[name] = true
			}
		}
		wired[w.Port] = true
	}
	for _, name := range names {
		if !wired[name] {
			c.fault(file, recipe.CodeUnwired, u.by.Place, at, "add from", "the input port %s of %s has no edge", name, u.by.Name)
		}
	}
}
