package compile

import (
	"fmt"
	"slices"
	"strings"

	"sluice/nodes"
	"sluice/recipe"
)

// inletKind is what stands for an open input port of the top recipe: a source of the
// port's type. No recipe can use it, and it never runs.
func inletKind(in *recipe.Inlet) *nodes.Kind {
	k := nodes.Define(nodes.Spec{
		Kind: recipe.Inputs, Category: "source", Summary: "Stands for an open input port", Role: nodes.Origin,
		Out: []nodes.Port{{Name: defaultOut, Type: in.Type, Doc: in.Doc}},
	}, func(struct{}, *nodes.Env) (any, error) { return nil, nil })
	return &k
}

// standIns gives the open input ports of the top recipe a source each, so that all that
// hangs below them is checked. A port that takes several types hides the types below it.
func (c *compilation) standIns() {
	for i, p := range c.top.inlets {
		in := &c.top.doc.Inputs[i]
		n := &node{
			index: len(c.nodes), path: recipe.Inputs + "." + in.Name, unit: c.top, kind: inletKind(in),
			doc:   &recipe.Node{Name: recipe.Inputs + "." + in.Name, Place: in.Place},
			inlet: in, untyped: !in.Type.IsConcrete(),
		}
		c.nodes = append(c.nodes, n)
		p.state, p.ends = known, []end{{outlet: outlet{n, 0}}}
	}
}

// standIn returns the source that stands for an open input port which a test names, or nil.
func (c *compilation) standIn(name, port string) *node {
	if name == recipe.Inputs {
		name = port
	} else if port != "" || c.top.named[name] {
		return nil
	}
	for _, p := range c.top.inlets {
		if p.name == name {
			return p.ends[0].node
		}
	}
	return nil
}

// refusePart reports the open ports of the top recipe, unless it is taken as a part.
func (c *compilation) refusePart() {
	if c.part {
		return
	}
	const hint = "include it in another recipe by kind: recipe:…"
	for _, in := range c.top.doc.Inputs {
		c.fault(c.file, recipe.CodeOpen, in.Place, "inputs."+in.Name, hint, "the recipe has the open port %s, so it cannot run by itself", in.Name)
	}
	for _, out := range c.top.doc.Outputs {
		c.fault(c.file, recipe.CodeOpen, out.Place, "outputs."+out.Name, hint, "the recipe has the open port %s, so it cannot run by itself", out.Name)
	}
}

// Summary is what [Check] says of a sound recipe. In and Out are its open ports; a type
// is "" where it is told only by what the recipe is included in.
type Summary struct {
	Steps, Edges int
	In, Out      []recipe.PortType
}

// Check finds the faults of the recipe in text, as Compile does, but takes one with open
// ports too: as a part of others, whose parameters need no values.
func Check(file string, text []byte, o Options) (Summary, recipe.Diagnostics) {
	c := newCompilation(file, text, o)
	c.part, c.checking = true, true
	if !c.run(phases) {
		return Summary{}, c.diagnostics()
	}
	s := Summary{Steps: len(c.plan.Steps) - len(c.top.inlets), Edges: len(c.plan.Edges)}
	for i := range c.plan.Edges {
		if c.plan.Steps[c.plan.Edges[i].From].Kind == recipe.Inputs {
			s.Edges--
		}
	}
	for _, in := range c.top.doc.Inputs {
		s.In = append(s.In, recipe.PortType{Name: in.Name, Type: in.Type})
	}
	for _, p := range c.top.outlets {
		s.Out = append(s.Out, recipe.PortType{Name: p.name, Type: p.outType()})
	}
	return s, nil
}

// outType returns the type of what comes out of an open port, "" when it is not known or
// there are several.
func (p *openPort) outType() recipe.Type {
	typ := p.ends[0].typ()
	if slices.ContainsFunc(p.ends, func(e end) bool { return e.typ() != typ }) {
		return ""
	}
	return typ
}

// String renders the summary as "sound: 5 steps, 4 edges", with the open ports of a part.
func (s Summary) String() string {
	text := "sound"
	if len(s.In)+len(s.Out) > 0 {
		text += " part"
	}
	text += ": " + counted(s.Steps, "step") + ", " + counted(s.Edges, "edge")
	switch in, out := openText(s.In), openText(s.Out); {
	case in != "" && out != "":
		return text + ", open: " + in + " → " + out
	case in != "":
		return text + ", open: " + in + " →"
	case out != "":
		return text + ", open: → " + out
	}
	return text
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func openText(ports []recipe.PortType) string {
	texts := make([]string, len(ports))
	for i, p := range ports {
		texts[i] = p.Name
		if p.Type != "" {
			texts[i] += " (" + string(p.Type) + ")"
		}
	}
	return strings.Join(texts, ", ")
}
