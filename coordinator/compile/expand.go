package compile

import (
	"fmt"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

const includes = "recipe:" // what the kind of a node starts with that includes a recipe

// expand puts included recipes in the place of the nodes that include them.
func (c *compilation) expand() {
	doc := c.docs[c.file]
	c.top = c.unit(doc, nil, nil)
	c.standIns()
	c.top.params = c.givenParams(c.top)
	c.expandUnit(c.top)
}

func (c *compilation) unit(doc *recipe.Document, up *unit, by *recipe.Node) *unit {
	u := &unit{doc: doc, up: up, by: by, nodes: map[string]*node{}, units: map[string]*unit{}, named: map[string]bool{}}
	if up != nil {
		u.depth = up.depth + 1
		u.prefix = up.prefix + by.Name + "/"
	}
	u.openPorts()
	c.units = append(c.units, u)
	return u
}

func (c *compilation) expandUnit(u *unit) {
	for i := range u.doc.Nodes {
		if c.stopped() {
			return
		}
		doc := &u.doc.Nodes[i]
		u.names = append(u.names, doc.Name)
		u.named[doc.Name] = true
		if ref, ok := strings.CutPrefix(doc.Kind, includes); ok {
			c.include(u, doc, ref)
		} else {
			c.addNode(u, doc)
		}
		if !c.halt && len(c.nodes)+len(c.units) > recipe.MaxNodes+1 { // the top unit is no node
			c.fault(u.file(), recipe.CodeNodes, doc.Place, "nodes."+doc.Name, "", "the recipe has more than %d nodes, included ones counted", recipe.MaxNodes)
			c.halt = true
		}
	}
}

func (c *compilation) addNode(u *unit, doc *recipe.Node) {
	n := &node{index: len(c.nodes), path: u.prefix + doc.Name, unit: u, doc: doc}
	c.nodes = append(c.nodes, n)
	u.nodes[doc.Name] = n
	if doc.Params != nil {
		c.fault(u.file(), recipe.CodeMisplaced, doc.Params.Place, n.at(".params"), "settings of a kind go under config", "params are for included recipes, and %s is not one", doc.Kind)
	}
	kind, ok := c.o.Catalogue.Lookup(doc.Kind)
	if !ok {
		// Reported by resolve, so that the nodes around it are still looked at.
		n.untyped = true
		return
	}
	n.kind = kind
	n.in = make([][]*edge, len(kind.In))
}

func (c *compilation) include(u *unit, by *recipe.Node, ref string) {
	at := "nodes." + by.Name
	for _, f := range []struct {
		name string
		v    *recipe.Value
	}{{"config", by.Config}, {"field", by.Field}, {"into", by.Into}} {
		if f.v != nil {
			c.fault(u.file(), recipe.CodeMisplaced, f.v.Place, at+"."+f.name, "its settings are its params", "%s does not belong to an included recipe", f.name)
		}
	}
	doc := c.load(u, by, ref)
	if doc == nil {
		return
	}
	for in := u; in != nil; in = in.up {
		if in.doc.File == doc.File {
			c.fault(u.file(), recipe.CodeInclusion, by.KindAt, at+".kind", "", "the recipe includes itself: %s", inclusions(in, u, doc.File))
			return
		}
	}
	if u.depth+1 > recipe.MaxDepth {
		c.fault(u.file(), recipe.CodeDeep, by.KindAt, at+".kind", "", "recipes include each other more than %d levels deep", recipe.MaxDepth)
		return
	}
	sub := c.unit(doc, u, by)
	u.units[by.Name] = sub
	sub.params = c.innerParams(sub)
	c.expandUnit(sub)
}

// inclusions describes the way from one recipe down to where it includes file.
func inclusions(top, u *unit, file string) string {
	way := file
	for ; u != nil; u = u.up {
		way = u.file() + " → " + way
		if u == top {
			break
		}
	}
	return way
}

func (c *compilation) load(u *unit, by *recipe.Node, ref string) *recipe.Document {
	bad := func(err error) *recipe.Document {
		c.fault(u.file(), recipe.CodeLoad, by.KindAt, "nodes."+by.Name+".kind", "", "the recipe %s cannot be read: %v", ref, err)
		return nil
	}
	if ref == "" {
		c.fault(u.file(), recipe.CodeLoad, by.KindAt, "nodes."+by.Name+".kind", "write recipe:./FILE.yaml", "the kind recipe: does not say which recipe")
		return nil
	}
	if c.o.Load == nil {
		return bad(fmt.Errorf("nothing can be included here"))
	}
	file, text, err := c.o.Load(u.file(), ref)
	if err != nil {
		return bad(err)
	}
	doc, seen := c.docs[file]
	if seen {
		return doc
	}
	doc, faults := recipe.Decode(file, text)
	c.faults = append(c.faults, faults...)
	c.docs[file] = doc
	return doc
}

// portNames returns the names of ports.
func portNames(ports []nodes.Port) []string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.Name
	}
	return names
}
