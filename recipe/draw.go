package recipe

import (
	"fmt"
	"strings"
)

// Mermaid returns the plan as a Mermaid flowchart.
func (p *Plan) Mermaid() string {
	shapes := map[Role][2]string{
		RoleSource: {"([", "])"}, RoleRelay: {"[", "]"}, RoleOrdered: {"[[", "]]"}, RoleGate: {"{{", "}}"},
	}
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i := range p.Steps {
		s := &p.Steps[i]
		shape := shapes[s.Role]
		fmt.Fprintf(&b, "  s%d%s\"%s<br/>%s\"%s\n", s.ID, shape[0], s.Node, s.Kind, shape[1])
	}
	for i := range p.Edges {
		e := &p.Edges[i]
		fmt.Fprintf(&b, "  s%d -->|\"%s\"| s%d\n", e.From, mermaidText(p.label(e)), e.To)
	}
	return b.String()
}

// mermaidText escapes what Mermaid would read as markup in a quoted label.
func mermaidText(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(s)
}

// DOT returns the plan as a Graphviz digraph.
func (p *Plan) DOT() string {
	shapes := map[Role]string{RoleSource: "oval", RoleRelay: "box", RoleOrdered: "box3d", RoleGate: "hexagon"}
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=LR;\n", p.Recipe)
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintf(&b, "  s%d [shape=%s, label=\"%s\\n%s\"];\n", s.ID, shapes[s.Role], s.Node, s.Kind)
	}
	for i := range p.Edges {
		e := &p.Edges[i]
		fmt.Fprintf(&b, "  s%d -> s%d [label=\"%s\"];\n", e.From, e.To, p.label(e))
	}
	b.WriteString("}\n")
	return b.String()
}

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
