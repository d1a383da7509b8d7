package draw

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"sluice/recipe"
)

// group is a box of the drawing: the nodes of the recipe, or of one that it includes.
type group struct {
	name   string // the node's name within the group above
	path   string
	steps  []*recipe.Step
	groups []*group
}

// grouped sorts the plan's steps into boxes by the paths of their nodes.
func grouped(p *recipe.Plan) *group {
	top := &group{}
	for i := range p.Steps {
		at := top
		parts := strings.Split(p.Steps[i].Node, "/")
		for _, name := range parts[:len(parts)-1] {
			at = at.child(name)
		}
		at.steps = append(at.steps, &p.Steps[i])
	}
	return top
}

func (g *group) child(name string) *group {
	for _, c := range g.groups {
		if c.name == name {
			return c
		}
	}
	c := &group{name: name, path: strings.TrimPrefix(g.path+"/"+name, "/")}
	g.groups = append(g.groups, c)
	return c
}

// Mermaid writes the plan as a Mermaid flowchart. Edges that may lose are dotted.
func Mermaid(w io.Writer, p *recipe.Plan) error {
	var b bytes.Buffer
	b.WriteString("flowchart LR\n")
	mermaidGroup(&b, grouped(p), "  ")
	for i := range p.Edges {
		e := &p.Edges[i]
		arrow := "-->"
		if e.Lossy() {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  n%d %s|%q| n%d\n", e.From, arrow, mermaidText(edgeLabel(p, e)), e.To)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func mermaidGroup(b *bytes.Buffer, g *group, indent string) {
	shapes := map[recipe.Role][2]string{
		recipe.RoleSource: {"([", "])"}, recipe.RoleRelay: {"[", "]"}, recipe.RoleOrdered: {"[[", "]]"}, recipe.RoleGate: {"{{", "}}"},
	}
	for _, s := range g.steps {
		shape, ok := shapes[s.Role]
		if !ok {
			shape = shapes[recipe.RoleRelay]
		}
		if s.Sink {
			shape = [2]string{"[(", ")]"}
		}
		fmt.Fprintf(b, "%sn%d%s\"%s<br/>%s\"%s\n", indent, s.ID, shape[0], mermaidText(leaf(s.Node)), mermaidText(s.Kind), shape[1])
	}
	for _, c := range g.groups {
		fmt.Fprintf(b, "%ssubgraph g_%s[\"%s\"]\n", indent, strings.ReplaceAll(c.path, "/", "__"), mermaidText(c.name))
		mermaidGroup(b, c, indent+"  ")
		fmt.Fprintf(b, "%send\n", indent)
	}
}

// DOT writes the plan as a Graphviz digraph. Edges that may lose are dashed.
func DOT(w io.Writer, p *recipe.Plan) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "digraph %s {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n", dotText(p.Recipe))
	dotGroup(&b, grouped(p), "  ")
	for i := range p.Edges {
		e := &p.Edges[i]
		style := ""
		if e.Lossy() {
			style = ", style=dashed"
		}
		fmt.Fprintf(&b, "  n%d -> n%d [label=%s%s];\n", e.From, e.To, dotText(edgeLabel(p, e)), style)
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

func dotGroup(b *bytes.Buffer, g *group, indent string) {
	shapes := map[recipe.Role]string{recipe.RoleSource: "oval", recipe.RoleOrdered: "box, peripheries=2", recipe.RoleGate: "hexagon"}
	for _, s := range g.steps {
		shape, ok := shapes[s.Role]
		switch {
		case s.Sink:
			shape = "cylinder"
		case !ok:
			shape = "box"
		}
		fmt.Fprintf(b, "%sn%d [label=%s, shape=%s];\n", indent, s.ID, dotText(leaf(s.Node)+"\n"+s.Kind), shape)
	}
	for _, c := range g.groups {
		fmt.Fprintf(b, "%ssubgraph cluster_%s {\n%s  label=%s;\n", indent, strings.ReplaceAll(c.path, "/", "__"), indent, dotText(c.name))
		dotGroup(b, c, indent+"  ")
		fmt.Fprintf(b, "%s}\n", indent)
	}
}

// edgeLabel names the type, the port where it is not the default, and what may be lost.
func edgeLabel(p *recipe.Plan, e *recipe.Edge) string {
	label := string(e.Type)
	if port := p.Steps[e.From].Outputs[e.FromPort].Name; port != "out" {
		label = port + ": " + label
	}
	if port := p.Steps[e.To].Inputs[e.ToPort].Name; port != "in" {
		label += " to " + port
	}
	if e.Overflow == recipe.DropOldest || e.Overflow == recipe.DropNewest {
		label += ", " + string(e.Overflow)
	}
	if e.TTL > 0 {
		label += ", ttl " + e.TTL.String()
	}
	return label
}

func leaf(node string) string { return node[strings.LastIndexByte(node, '/')+1:] }

func mermaidText(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;").Replace(s)
}

func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
