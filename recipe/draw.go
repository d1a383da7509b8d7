package recipe

import (
	"fmt"
	"strings"
)

// drawing is a box of a drawn plan: its own steps, and the boxes of the recipes that it
// includes.
type drawing struct {
	name, path string
	steps      []*Step
	parts      []*drawing
}

// drawing sorts the steps into boxes by the paths of their nodes.
func (p *Plan) drawing() *drawing {
	top := &drawing{}
	for i := range p.Steps {
		at := top
		names := strings.Split(p.Steps[i].Node, "/")
		for _, name := range names[:len(names)-1] {
			at = at.part(name)
		}
		at.steps = append(at.steps, &p.Steps[i])
	}
	return top
}

func (d *drawing) part(name string) *drawing {
	// Steps are in topological order, so a part's steps need not be neighbours.
	for _, part := range d.parts {
		if part.name == name {
			return part
		}
	}
	part := &drawing{name: name, path: strings.TrimPrefix(d.path+"__"+name, "__")}
	d.parts = append(d.parts, part)
	return part
}

// Mermaid returns the plan as a Mermaid flowchart: an included recipe is a box, an edge
// that may lose is dotted.
func (p *Plan) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	p.drawing().mermaid(&b, "  ")
	for i := range p.Edges {
		e := &p.Edges[i]
		arrow := "-->"
		if e.Lossy() {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  s%d %s|\"%s\"| s%d\n", e.From, arrow, mermaidText(p.label(e)), e.To)
	}
	return b.String()
}

func (d *drawing) mermaid(b *strings.Builder, indent string) {
	shapes := map[Role][2]string{
		RoleSource: {"([", "])"}, RoleRelay: {"[", "]"}, RoleOrdered: {"[[", "]]"}, RoleGate: {"{{", "}}"},
	}
	for _, s := range d.steps {
		shape := shapes[s.Role]
		if s.Sink {
			shape = [2]string{"[(", ")]"}
		}
		fmt.Fprintf(b, "%ss%d%s\"%s<br/>%s\"%s\n", indent, s.ID, shape[0], s.short(), s.Kind, shape[1])
	}
	for _, part := range d.parts {
		fmt.Fprintf(b, "%ssubgraph r_%s[\"%s\"]\n", indent, part.path, part.name)
		part.mermaid(b, indent+"  ")
		fmt.Fprintf(b, "%send\n", indent)
	}
}

var unmarked = strings.NewReplacer("<", "&lt;", ">", "&gt;")

// mermaidText escapes what Mermaid would read as markup in a quoted label.
func mermaidText(s string) string {
	return unmarked.Replace(s)
}

// DOT returns the plan as a Graphviz digraph: an included recipe is a cluster, an edge
// that may lose is dashed.
func (p *Plan) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR;\n", p.Recipe)
	p.drawing().dot(&b, "  ")
	for i := range p.Edges {
		e := &p.Edges[i]
		style := ""
		if e.Lossy() {
			style = ", style=dashed"
		}
		fmt.Fprintf(&b, "  s%d -> s%d [label=\"%s\"%s];\n", e.From, e.To, p.label(e), style)
	}
	b.WriteString("}\n")
	return b.String()
}

func (d *drawing) dot(b *strings.Builder, indent string) {
	shapes := map[Role]string{RoleSource: "oval", RoleRelay: "box", RoleOrdered: "box3d", RoleGate: "hexagon"}
	for _, s := range d.steps {
		shape := shapes[s.Role]
		if s.Sink {
			shape = "cylinder"
		}
		fmt.Fprintf(b, "%ss%d [shape=%s, label=\"%s\\n%s\"];\n", indent, s.ID, shape, s.short(), s.Kind)
	}
	for _, part := range d.parts {
		fmt.Fprintf(b, "%ssubgraph cluster_%s {\n%s  label=\"%s\";\n", indent, part.path, indent, part.name)
		part.dot(b, indent+"  ")
		fmt.Fprintf(b, "%s}\n", indent)
	}
}

// short is the node's name within its own recipe.
func (s *Step) short() string { return s.Node[strings.LastIndexByte(s.Node, '/')+1:] }

// label says on a drawn edge what is not plain: its id, its type, ports that are not
// the default ones, and what it loses.
func (p *Plan) label(e *Edge) string {
	text := string(e.ID) + " " + string(e.Type)
	if out := p.Steps[e.From].Outputs[e.FromPort].Name; out != "out" {
		text = out + ": " + text
	}
	if in := p.Steps[e.To].Inputs[e.ToPort].Name; in != "in" {
		text += " → " + in
	}
	if e.Overflow != Block {
		text += ", " + string(e.Overflow)
	}
	if e.TTL > 0 {
		text += ", ttl " + e.TTL.String()
	}
	return text
}
