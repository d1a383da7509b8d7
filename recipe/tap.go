package recipe

import (
	"fmt"
	"slices"
	"strings"
)

// Tap is an edge on which records are looked at as they pass.
type Tap struct {
	Edge EdgeID
	Name string // as whoever asked calls it: NODE or NODE.PORT
}

// FindTaps returns where the records pass that leave NODE, NODE.PORT or an included recipe, or
// that pass an edge named by its id: the first edge of each port. outlets says from which ports
// each open output of an included recipe leads, by NODE.PORT; nil where nobody knows, since a
// stored plan does not say. An error names what there is instead.
func (p *Plan) FindTaps(wanted string, outlets map[string][]string) ([]Tap, error) {
	if from := outlets[wanted]; len(from) > 0 {
		return p.tapOutlet(wanted, from, outlets)
	}
	node, port, hasPort := strings.Cut(wanted, ".")
	var names []string
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Role == RoleGate {
			continue
		}
		names = append(names, s.Node)
		for at := strings.LastIndexByte(s.Node, '/'); at >= 0; at = strings.LastIndexByte(s.Node[:at], '/') {
			names = append(names, s.Node[:at])
		}
		if s.Node == node {
			return p.tapPort(wanted, port, hasPort, s)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if slices.Contains(names, node) {
		return p.tapPart(wanted, node, hasPort, outlets)
	}
	if at := slices.IndexFunc(p.Edges, func(e Edge) bool { return string(e.ID) == wanted }); at >= 0 {
		return []Tap{{p.Edges[at].ID, wanted}}, nil
	}
	if near := DidYouMean(node, names); near != "" {
		return nil, fmt.Errorf("the recipe has no node %s; %s", node, near)
	}
	return nil, fmt.Errorf("the recipe has no node %s; it has %s", node, strings.Join(names, ", "))
}

// nothingPasses says that an output has no reader.
const nothingPasses = "nothing reads there, so nothing passes"

func (p *Plan) tapPort(wanted, port string, hasPort bool, s *Step) ([]Tap, error) {
	var ports []string
	for _, id := range s.Out {
		name := s.Outputs[p.Edge(id).FromPort].Name
		if !hasPort || name == port {
			return []Tap{{id, wanted}}, nil
		}
		ports = append(ports, name)
	}
	if known := slices.ContainsFunc(s.Outputs, func(o PortType) bool { return o.Name == port }); hasPort && !known && len(ports) > 0 {
		return nil, fmt.Errorf("%s has no port %s; it has %s", s.Node, port, strings.Join(slices.Compact(ports), ", "))
	}
	if len(s.Outputs) == 0 {
		return nil, fmt.Errorf("%s puts nothing out; tap what leads to it", s.Node)
	}
	return nil, fmt.Errorf("%s: "+nothingPasses, wanted)
}

// tapOutlet finds the ports that an open output of an included recipe leads from.
func (p *Plan) tapOutlet(wanted string, from []string, outlets map[string][]string) (all []Tap, err error) {
	for _, port := range from {
		one, err := p.FindTaps(port, outlets)
		if err != nil {
			return nil, fmt.Errorf("%s: "+nothingPasses, wanted)
		}
		all = append(all, one...)
	}
	if len(from) == 1 {
		all[0].Name = wanted
	}
	return all, nil
}

// tapPart finds all that leaves an included recipe.
func (p *Plan) tapPart(wanted, part string, hasPort bool, outlets map[string][]string) (all []Tap, err error) {
	inside := func(step int) bool { return strings.HasPrefix(p.Steps[step].Node, part+"/") }
	var from []string
	for i := range p.Edges {
		e := &p.Edges[i]
		name := p.Steps[e.From].Node + "." + p.Steps[e.From].Outputs[e.FromPort].Name
		if inside(e.From) && !inside(e.To) && !slices.Contains(from, name) {
			from, all = append(from, name), append(all, Tap{e.ID, name})
		}
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("%s: "+nothingPasses, wanted)
	case hasPort && outlets != nil:
		return nil, fmt.Errorf("%s has no port %s; it has %s", part, wanted[len(part)+1:], strings.Join(outletsOf(part, outlets), ", "))
	case hasPort:
		return nil, fmt.Errorf("%s is an included recipe, whose ports a stored job does not know; tap all that leaves it by %s, or %s", wanted, part, strings.Join(from, ", "))
	case len(all) == 1:
		all[0].Name = wanted
	}
	return all, nil
}

// outletsOf returns the names of the open outputs of an included recipe, sorted.
func outletsOf(part string, outlets map[string][]string) (ports []string) {
	for name := range outlets {
		if node, port, _ := strings.Cut(name, "."); node == part {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return ports
}
