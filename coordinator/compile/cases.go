package compile

import (
	"maps"
	"slices"
	"strings"

	"sluice/recipe"
)

// place is where a test gives or expects records: an output port, or a sink, which
// stands for what comes into it.
type place struct {
	outlet
	entry *recipe.TestRecords
}

func (p place) sink() bool { return p.port < 0 }

// testPlaces is a test whose names have been resolved.
type testPlaces struct{ given, expect []place }

// testNodes resolves the names in the tests of the recipe, and checks their parameters.
func (c *compilation) testNodes() {
	doc := c.top.doc
	c.tests = make([]testPlaces, len(doc.Tests))
	for i := range doc.Tests {
		t := &doc.Tests[i]
		c.testParams(t)
		c.tests[i].given = c.testPlaces(t.Given, true)
		c.tests[i].expect = c.testPlaces(t.Expect, false)
	}
}

func (c *compilation) testParams(t *recipe.Test) {
	if t.Params == nil {
		return
	}
	for i, k := range t.Params.Keys {
		j := slices.IndexFunc(c.top.doc.Params, func(p recipe.Param) bool { return p.Name == k.Name })
		if j < 0 {
			c.fault(c.file, recipe.CodeUnused, k.Place, "tests", c.didYouMean(k.Name, paramNames(c.top)), "a test gives a value for the parameter %s, which the recipe does not declare", k.Name)
			continue
		}
		c.paramFits(c.top, &c.top.doc.Params[j], t.Params.Items[i], "tests")
	}
}

func (c *compilation) testPlaces(entries []recipe.TestRecords, given bool) []place {
	var list []place
	seen := map[outlet]string{} // as the test calls it
	for i := range entries {
		p, ok := c.testPlace(&entries[i], given)
		if !ok {
			continue
		}
		if first := seen[p.outlet]; first != "" {
			c.fault(c.file, recipe.CodeTests, p.entry.Place, "tests", "", "%s and %s name the same records", first, p.entry.Node)
			continue
		}
		seen[p.outlet] = p.entry.Node
		list = append(list, p)
	}
	return list
}

// testPlace finds NODE, NODE.PORT or BOX/NODE.PORT in the top recipe, or an open input
// port of it: inputs.PORT, or PORT where no node has that name.
func (c *compilation) testPlace(entry *recipe.TestRecords, given bool) (place, bool) {
	fail := func(code recipe.Code, hint, format string, args ...any) (place, bool) {
		c.fault(c.file, code, entry.Place, "tests", hint, format, args...)
		return place{}, false
	}
	name, port, _ := strings.Cut(entry.Node, ".")
	u := c.top
	if n := c.standIn(name, port); n != nil {
		if n.untyped {
			return fail(recipe.CodeTestNode, "name a node below it", "the open port %s takes several types, so a test cannot give its records", n.inlet.Name)
		}
		return place{outlet{n, 0}, entry}, true
	}
	way := strings.Split(name, "/")
	for _, box := range way[:len(way)-1] {
		if u.units[box] == nil {
			if u.named[box] {
				return fail(recipe.CodeTestNode, "", "the test names %s, but %s is not an included recipe", entry.Node, box)
			}
			boxes := func() []string { return slices.Sorted(maps.Keys(u.units)) }
			return fail(recipe.CodeTestNode, c.didYouMean(box, boxes), "the test names %s, but there is no included recipe %s", entry.Node, box)
		}
		u = u.units[box]
	}
	last := way[len(way)-1]
	if u.units[last] != nil {
		return c.testBox(entry, u, last, port)
	}
	n := u.nodes[last]
	if n == nil {
		if u.named[last] {
			return place{}, false // at fault already
		}
		return fail(recipe.CodeTestNode, c.didYouMean(last, func() []string { return u.names }), "the test names the unknown node %s", entry.Node)
	}
	if n.kind == nil {
		return place{}, false
	}
	if len(n.kind.Out) == 0 {
		if given || port != "" {
			return fail(recipe.CodeTestNode, "", "%s (%s) is a sink and has no output that records could stand for", last, n.kind.Kind)
		}
		return place{outlet{n, -1}, entry}, true
	}
	names := portNames(n.kind.Out)
	i := defaultPort(port, names)
	if i < 0 {
		return fail(recipe.CodeTestNode, c.portHint(port, names), "the test names a port that %s (%s) does not have", last, n.kind.Kind)
	}
	return place{outlet{n, i}, entry}, true
}

// testBox finds the one output port behind an open port of an included recipe.
func (c *compilation) testBox(entry *recipe.TestRecords, u *unit, box, port string) (place, bool) {
	ends, ok := c.follow(u, &recipe.Ref{Node: box, Port: port, Path: "tests", Place: entry.Place})
	if !ok {
		return place{}, false
	}
	if len(ends) != 1 {
		c.fault(c.file, recipe.CodeTestNode, entry.Place, "tests", "name an inner node, such as "+box+"/NODE", "%s is fed by several nodes, so a test cannot name it", entry.Node)
		return place{}, false
	}
	return place{ends[0].outlet, entry}, true
}

// testRecords checks that the records of tests have the types of the ports.
func (c *compilation) testRecords() {
	for _, t := range c.tests {
		for _, p := range slices.Concat(t.given, t.expect) {
			typ := p.typ()
			if !typ.IsConcrete() {
				continue // at fault, or several types
			}
			for _, v := range p.entry.Records {
				if at, what := v.Unlike(typ); what != "" {
					c.fault(c.file, recipe.CodeTestValue, at, "tests", "", "a record of %s is %s, but the type there is %s", p.entry.Node, what, typ)
				}
			}
		}
	}
}

// typ returns the type of the records at the place: "" when it is not known, any when
// there are several.
func (p place) typ() recipe.Type {
	if !p.sink() {
		return p.outlet.typ()
	}
	if len(p.node.types.In) != 1 {
		return recipe.Any
	}
	return p.node.types.In[0].Type
}
