package compile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"sluice/nodes"
	"sluice/recipe"
)

// Case is one test of a recipe's tests block, ready to run: a plan in which given
// records stand for the output of nodes and collectors read what is expected. Nodes
// that no collector needs, such as sinks, are not in it, and no edge is lossy. It runs
// with the kinds of [TestKinds] beside the catalogue.
type Case struct {
	Name   string
	Place  recipe.Place // of the test in the recipe
	Plan   *recipe.Plan
	Expect []Expectation
}

// Expectation is what should arrive at one collector, in order.
type Expectation struct {
	At      string   // the place: digest.out, or the name of a sink
	Records []string // as JSON text, in the form that [Collector.Records] has
}

// Cases makes a case of each test of the recipe in text. There are none, and
// diagnostics instead, when the recipe has a fault with the parameters of one of them.
func Cases(file string, text []byte, o Options) ([]Case, recipe.Diagnostics) {
	c := newCompilation(file, text, o)
	c.decode()
	if len(c.faults) > 0 {
		return nil, c.diagnostics()
	}
	doc := c.docs[file]
	top := c.unit(doc, nil, nil)
	cases := make([]Case, 0, len(doc.Tests))
	for i := range doc.Tests {
		t := &doc.Tests[i]
		own := o
		own.Params = maps.Clone(o.Params)
		if own.Params == nil {
			own.Params = map[string]string{}
		}
		if t.Params != nil {
			for j, k := range t.Params.Keys {
				v := t.Params.Items[j]
				i := slices.IndexFunc(doc.Params, func(p recipe.Param) bool { return p.Name == k.Name })
				if i >= 0 && c.paramFits(top, &doc.Params[i], v, "tests") { // else at fault
					own.Params[k.Name] = v.String()
				}
			}
		}
		if len(c.faults) > 0 { // told at the test: given as text, it would be told at the parameter
			return nil, c.diagnostics()
		}
		made, faults := testCase(file, text, own, t, i)
		if faults != nil {
			return nil, faults
		}
		cases = append(cases, made)
	}
	return cases, nil
}

func testCase(file string, text []byte, o Options, t *recipe.Test, i int) (Case, recipe.Diagnostics) {
	c := newCompilation(file, text, o)
	c.part, c.test = true, t
	made := Case{}
	list := slices.Insert(slices.Clone(phases), len(phases)-2, phase{"rewrite", func(c *compilation) { made = c.rewrite(i) }, true})
	if !c.run(list) {
		return Case{}, c.diagnostics()
	}
	made.Plan = c.plan
	return made, nil
}

// rewrite turns the graph into that of one test.
func (c *compilation) rewrite(i int) Case {
	r := rewriting{c: c, keep: map[*node]bool{}, made: Case{Name: c.top.doc.Tests[i].Name, Place: c.top.doc.Tests[i].Place}}
	for _, p := range c.tests[i].given {
		r.give(p)
	}
	for _, p := range c.tests[i].expect {
		r.collect(p)
	}
	r.prune()
	for _, n := range c.nodes {
		if n.inlet != nil {
			t := &c.top.doc.Tests[i]
			c.fault(c.file, recipe.CodeTests, t.Place, "tests", "add given: {"+n.inlet.Name+": …}", "the test %s gives no records for the open port %s", t.Name, n.inlet.Name)
		}
	}
	return r.made
}

type rewriting struct {
	c    *compilation
	keep map[*node]bool
	made Case
	sent []*node // the sources of given records
	got  []*node // the collectors
}

// stand makes a node of a kind for tests, in the place of another.
func (r *rewriting) stand(like *node, path string, k nodes.Kind, config any) *node {
	raw, err := json.Marshal(config)
	if err != nil {
		panic(fmt.Sprintf("settings of a test: %v", err)) // made of plain values above
	}
	n := &node{index: like.index, path: path, unit: like.unit, doc: like.doc, kind: &k, set: like.set, config: raw}
	n.in = make([][]*edge, len(k.In))
	return n
}

// give puts a source of the given records in the place of an output port.
func (r *rewriting) give(p place) {
	records := make([]json.RawMessage, len(p.entry.Records))
	for i, v := range p.entry.Records {
		records[i] = v.AppendJSON(nil)
	}
	typ := p.typ()
	g := r.stand(p.node, p.name()+"~given", givenKind(), givenConfig{Type: string(typ), Records: records})
	g.types.Out = []recipe.PortType{{Name: defaultOut, Type: typ}}
	for _, e := range p.node.out {
		if e.fromPort == p.port {
			e.from, e.fromPort = g, 0
			g.out = append(g.out, e)
		}
	}
	p.node.out = slices.DeleteFunc(p.node.out, func(e *edge) bool { return e.from != p.node })
	r.sent = append(r.sent, g)
	p.node.given = append(p.node.given, given{p.port, g})
}

// collect makes a collector read an output port, or what a sink reads.
func (r *rewriting) collect(p place) {
	k := r.stand(p.node, p.name()+"~collect", collectKind(nil), collectConfig{At: p.name()})
	typ := p.typ()
	k.types.In = []recipe.PortType{{Name: "in", Type: typ}}
	if p.sink() {
		for _, edges := range p.node.in {
			for _, e := range edges {
				r.join(k, e.from, e.fromPort, e.typ)
			}
		}
	} else {
		from, port := p.node, p.port
		for _, g := range p.node.given {
			if g.port == p.port {
				from, port = g.node, 0
			}
		}
		r.join(k, from, port, typ)
	}
	r.got = append(r.got, k)
	e := Expectation{At: p.name(), Records: make([]string, len(p.entry.Records))}
	for i, v := range p.entry.Records {
		e.Records[i] = canonicalRecord(typ, v.AppendJSON(nil))
	}
	r.made.Expect = append(r.made.Expect, e)
}

func (r *rewriting) join(k, from *node, port int, typ recipe.Type) {
	e := &edge{from: from, fromPort: port, to: k, typ: typ, set: from.set.edge}
	k.in[0] = append(k.in[0], e)
	from.out = append(from.out, e)
}

// prune keeps what lies above a collector, and makes its edges lossless.
func (r *rewriting) prune() {
	todo := slices.Clone(r.got)
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if r.keep[n] {
			continue
		}
		r.keep[n] = true
		for _, edges := range n.in {
			for _, e := range edges {
				todo = append(todo, e.from)
			}
		}
	}
	kept := make([]*node, 0, len(r.keep))
	for _, n := range slices.Concat(r.sent, r.c.nodes, r.got) {
		if r.keep[n] {
			kept = append(kept, n)
		}
	}
	r.c.nodes, r.c.edges, r.c.order = kept, nil, nil
	for i, n := range kept {
		n.index = i
		n.out = slices.DeleteFunc(n.out, func(e *edge) bool { return !r.keep[e.to] })
		for _, edges := range n.in {
			for _, e := range edges {
				e.set.overflow, e.set.ttl = recipe.Block, 0
				r.c.edges = append(r.c.edges, e)
			}
		}
	}
	r.c.findCycles()
}
