package compile

import (
	"fmt"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// checkTypes gives every port a concrete type, from the sources down, and checks that
// each edge's type suits the port it leads to. What lies on or below a cycle is left
// for the phase that names the cycle.
func (c *compilation) checkTypes() {
	waits := make([]int, len(c.nodes))
	for _, e := range c.edges {
		waits[e.to.index]++
	}
	ready := make([]*node, 0, len(c.nodes))
	for _, n := range c.nodes {
		if waits[n.index] == 0 {
			ready = append(ready, n)
		}
	}
	typed := 0
	for ; typed < len(ready); typed++ {
		n := ready[typed]
		if n.kind != nil {
			c.typeNode(n)
		}
		for _, e := range n.out {
			if waits[e.to.index]--; waits[e.to.index] == 0 {
				ready = append(ready, e.to)
			}
		}
	}
	for _, n := range c.nodes {
		if waits[n.index] > 0 {
			n.untyped = true
		}
	}
	for _, p := range c.passages { // read or not
		if p.from.typ() != "" {
			c.passes(p)
		}
	}
	c.testRecords()
}

// bindings are what the type variables of one node stand for, and which edge said so.
type bindings map[recipe.Type]binding

type binding struct {
	typ recipe.Type
	by  string
}

func (c *compilation) typeNode(n *node) {
	vars := boundByConfig(n)
	for i, p := range n.kind.In {
		if len(n.in[i]) == 0 {
			continue
		}
		for _, e := range n.in[i] {
			e.typ = outlet{e.from, e.fromPort}.typ()
			if e.typ == "" {
				n.untyped = true
			} else if !n.unclear {
				c.typeEdge(n, p, e, vars)
			}
		}
		n.types.In = append(n.types.In, recipe.PortType{Name: p.Name, Type: inType(n, i, p, vars)})
	}
	bindRest(n, vars)
	for _, p := range n.kind.Out {
		n.types.Out = append(n.types.Out, recipe.PortType{Name: p.Name, Type: c.outletType(n, p, vars)})
	}
	n.inner = n.types
	if n.field != "" {
		n.inner = columnTypes(n)
	}
}

// passes checks the records of an end against the open ports that it passed, each of
// which has its say once: the outermost that refuses.
func (c *compilation) passes(p *passage) bool {
	if p == nil {
		return true
	}
	if p.state == known {
		return p.fits
	}
	p.state = known
	if !c.passes(p.outer) {
		return false
	}
	typ := p.from.typ()
	if p.fits = p.port.typ.Accepts(typ); !p.fits {
		c.faultAt(p.port.in, p.ref, recipe.CodeMismatch, conversion(typ, p.port.typ), "%s is %s, but the open port %s that it passes takes %s", p.from.name(), typ, p.port.name, p.port.typ)
	}
	return p.fits
}

// typeEdge checks one edge against the port that it leads to.
func (c *compilation) typeEdge(n *node, p nodes.Port, e *edge, vars bindings) {
	from := outlet{e.from, e.fromPort}.name()
	if !c.passes(e.passed) {
		n.untyped = true
		return
	}
	want := p.Type
	if n.field != "" || p.Reads(n.config) != "" {
		want = recipe.JSON
	}
	why, ok := accept(n.kind, want, e.typ, from, vars)
	if ok {
		return
	}
	n.untyped = true
	limit := want
	if l, ok := n.kind.Where[string(want)]; ok {
		limit = l
	}
	if n.field != "" {
		why = ", because it works on the field " + n.field
	} else if s := p.Reads(n.config); s != "" {
		why = ", because of its setting " + s
	}
	hint := conversion(e.typ, limit)
	switch {
	case e.typ != recipe.JSON || n.field != "":
	case p.JSONWith != "":
		hint = "set " + p.JSONWith + " to the field that it reads"
	case n.kind.Scalar():
		hint = strings.TrimPrefix(hint+", or set field to work on one field of each record", ", or ")
	}
	c.fault(e.file, recipe.CodeMismatch, e.place, e.path, hint, "%s is %s, but the port %s of %s (%s) takes %s%s", from, e.typ, p.Name, n.doc.Name, n.kind.Kind, want, why)
}

// accept is the assignability rule with type variables: it binds them, or says why not.
func accept(k *nodes.Kind, want, got recipe.Type, by string, vars bindings) (string, bool) {
	if want.IsVariable() {
		if b, bound := vars[want]; bound {
			return fmt.Sprintf(", which is %s because of %s", b.typ, b.by), b.typ == got
		}
		if limit, limited := k.Where[string(want)]; limited && !limit.Accepts(got) {
			return fmt.Sprintf(", which must be %s", limit), false
		}
		vars[want] = binding{got, by}
		return "", true
	}
	we, wl := want.Elem()
	ge, gl := got.Elem()
	if wl && gl {
		return accept(k, we, ge, by, vars)
	}
	return "", want.Accepts(got)
}

// inType returns the concrete type of a wired input port; where edges of several
// types meet in a port that takes them all, what the port takes.
func inType(n *node, i int, p nodes.Port, vars bindings) recipe.Type {
	first := n.in[i][0].typ
	for _, e := range n.in[i] {
		if e.typ != first {
			return replaceVars(p.Type, vars)
		}
	}
	return first
}

// replaceVars puts the variables' types in; it leaves what is not bound.
func replaceVars(t recipe.Type, vars bindings) recipe.Type {
	if elem, ok := t.Elem(); ok {
		return recipe.List(replaceVars(elem, vars))
	}
	if b, ok := vars[t]; ok {
		return b.typ
	}
	return t
}

// outletType returns the concrete type of an output port, or "".
func (c *compilation) outletType(n *node, p nodes.Port, vars bindings) recipe.Type {
	if n.field != "" {
		return recipe.JSON
	}
	t := replaceVars(p.Type, vars)
	if t.IsConcrete() {
		return t
	}
	if !n.untyped {
		n.untyped = true
		c.fault(n.unit.file(), recipe.CodeUntyped, n.doc.Place, n.at(""), "", "the type %s of the output port %s of %s cannot be told from what leads into it", p.Type, p.Name, n.doc.Name)
	}
	return ""
}

// columnTypes are the types that a scalar kind sees inside a record: its own, and for
// what it leaves open any JSON value, or an int or a float, as each record has it,
// where it wants numbers.
func columnTypes(n *node) nodes.PortTypes {
	in, out := n.kind.In[0], n.kind.Out[0]
	vars := boundByConfig(n)
	concrete := func(t recipe.Type) recipe.Type {
		switch {
		case t.IsConcrete() || t == recipe.Number:
			return t
		}
		return recipe.JSON
	}
	if _, bound := vars[in.Type]; in.Type.IsVariable() && !bound {
		vars[in.Type] = binding{concrete(n.kind.Where[string(in.Type)]), "its field"}
	}
	bindRest(n, vars)
	return nodes.PortTypes{
		In:  []recipe.PortType{{Name: in.Name, Type: concrete(replaceVars(in.Type, vars))}},
		Out: []recipe.PortType{{Name: out.Name, Type: concrete(replaceVars(out.Type, vars))}},
	}
}

// conversion suggests the usual kind that turns one type into the other, if any.
func conversion(from, to recipe.Type) string {
	kind := ""
	switch {
	case to == recipe.String:
		kind = "to_string"
	case from == recipe.String && to == recipe.Int:
		kind = "parse_int"
	case from == recipe.String && (to == recipe.Float || to == recipe.Number):
		kind = "parse_float"
	case from == recipe.String && to == recipe.JSON:
		kind = "parse_json"
	case to == recipe.JSON:
		kind = "to_json"
	}
	if kind == "" {
		return ""
	}
	return "put " + kind + " between them"
}

// boundByConfig returns the variables that the node's settings decide.
func boundByConfig(n *node) bindings {
	vars := bindings{}
	for v, t := range n.kind.Bound(n.config) {
		if t.IsConcrete() {
			vars[recipe.Type(v)] = binding{t, "its settings"}
		}
	}
	for _, p := range n.kind.In {
		if s := p.Reads(n.config); s != "" && p.Type.IsVariable() {
			vars[p.Type] = binding{recipe.JSON, "its setting " + s}
		}
	}
	return vars
}

// bindRest binds what no edge has decided: to the variable that the settings name
// instead, and then to what the kind says for such a case.
func bindRest(n *node, vars bindings) {
	bound := n.kind.Bound(n.config)
	for range len(bound) {
		for v, t := range bound {
			if b, ok := vars[t]; ok {
				vars[recipe.Type(v)] = b
			}
		}
	}
	for v, t := range n.kind.Else {
		if _, ok := vars[recipe.Type(v)]; !ok && bound[v] == "" {
			vars[recipe.Type(v)] = binding{t, "its kind"}
		}
	}
	for v, t := range bound {
		if b, ok := vars[t]; ok {
			vars[recipe.Type(v)] = b
		}
	}
}
