package main

import (
	"io"
	"slices"
	"strings"
	"sync"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// taps print the records that pass at output ports. A tap is a plain subscription on the
// port's first edge: it slows nothing, and after a crash it may show a record twice.
type taps struct {
	edges []recipe.EdgeID
	names []string
	label bool // lines begin with the tap's name
	// outlets says where open outputs of included recipes lead from; nil when nobody knows:
	// a stored plan does not say.
	outlets map[string][]string
	mu      sync.Mutex
	out     io.Writer // guarded by mu
}

// newTaps finds the edges of NODE or NODE.PORT. Where a printer, or another tap, writes to
// the same output, lines begin with the tap's name.
func newTaps(wanted []string, plan *recipe.Plan, outlets map[string][]string, out io.Writer) (*taps, error) {
	t := &taps{out: out, outlets: outlets}
	for _, w := range wanted {
		if err := t.add(w, plan); err != nil {
			return nil, err
		}
	}
	printers := slices.ContainsFunc(plan.Steps, func(s recipe.Step) bool { return s.Kind == "printer" })
	t.label = len(t.edges) > 1 || printers
	return t, nil
}

// add finds what a tap means: the first edge of a port, or what an included recipe puts
// out.
func (t *taps) add(wanted string, plan *recipe.Plan) error {
	if from := t.outlets[wanted]; len(from) > 0 {
		return t.addOutlet(wanted, from, plan)
	}
	node, port, hasPort := strings.Cut(wanted, ".")
	var names []string
	for i := range plan.Steps {
		s := &plan.Steps[i]
		if s.Role == recipe.RoleGate {
			continue
		}
		names = append(names, s.Node)
		for at := strings.LastIndexByte(s.Node, '/'); at >= 0; at = strings.LastIndexByte(s.Node[:at], '/') {
			names = append(names, s.Node[:at])
		}
		if s.Node == node {
			return t.addPort(wanted, port, hasPort, s, plan)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if slices.Contains(names, node) {
		return t.addPart(wanted, node, hasPort, plan)
	}
	if near, ok := nodes.Nearest(node, names); ok {
		return usagef("--tap %s: the recipe has no node %s; did you mean %s?", wanted, node, near)
	}
	return usagef("--tap %s: the recipe has no node %s; it has %s", wanted, node, strings.Join(names, ", "))
}

func (t *taps) addPort(wanted, port string, hasPort bool, s *recipe.Step, plan *recipe.Plan) error {
	var ports []string
	for _, id := range s.Out {
		name := s.Outputs[plan.Edge(id).FromPort].Name
		if !hasPort || name == port {
			t.edges, t.names = append(t.edges, id), append(t.names, wanted)
			return nil
		}
		ports = append(ports, name)
	}
	if known := slices.ContainsFunc(s.Outputs, func(p recipe.PortType) bool { return p.Name == port }); hasPort && !known && len(ports) > 0 {
		return usagef("--tap %s: %s has no port %s; it has %s", wanted, s.Node, port, strings.Join(slices.Compact(ports), ", "))
	}
	if len(s.Outputs) == 0 {
		return usagef("--tap %s: %s puts nothing out; tap what leads to it", wanted, s.Node)
	}
	return usagef("--tap %s: nothing reads there, so nothing passes", wanted)
}

// addOutlet taps the ports that an open output of an included recipe leads from.
func (t *taps) addOutlet(wanted string, from []string, plan *recipe.Plan) error {
	before := len(t.edges)
	for _, port := range from {
		if err := t.add(port, plan); err != nil {
			return usagef("--tap %s: nothing reads there, so nothing passes", wanted)
		}
	}
	if len(from) == 1 {
		t.names[before] = wanted
	}
	return nil
}

// addPart taps all that leaves an included recipe.
func (t *taps) addPart(wanted, part string, hasPort bool, plan *recipe.Plan) error {
	inside := func(step int) bool { return strings.HasPrefix(plan.Steps[step].Node, part+"/") }
	var edges []recipe.EdgeID
	var from []string
	for i := range plan.Edges {
		e := &plan.Edges[i]
		name := plan.Steps[e.From].Node + "." + plan.Steps[e.From].Outputs[e.FromPort].Name
		if inside(e.From) && !inside(e.To) && !slices.Contains(from, name) {
			edges, from = append(edges, e.ID), append(from, name)
		}
	}
	switch {
	case len(edges) == 0:
		return usagef("--tap %s: nothing reads there, so nothing passes", wanted)
	case hasPort && t.outlets != nil:
		return usagef("--tap %s: %s has no port %s; it has %s", wanted, part, wanted[len(part)+1:], strings.Join(t.outletsOf(part), ", "))
	case hasPort:
		return usagef("--tap %s: %s is an included recipe, whose ports a stored job does not know; tap all that leaves it by --tap %s, or --tap %s", wanted, part, part, strings.Join(from, ", --tap "))
	case len(edges) == 1:
		from[0] = wanted
	}
	t.edges, t.names = append(t.edges, edges...), append(t.names, from...)
	return nil
}

// outletsOf returns the names of the open outputs of an included recipe, sorted.
func (t *taps) outletsOf(part string) (ports []string) {
	for name := range t.outlets {
		if node, port, _ := strings.Cut(name, "."); node == part {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return ports
}

// watch subscribes to the edges of a job.
func (t *taps) watch(conn *bus.Conn, id recipe.JobID, plan *recipe.Plan) (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	names := bus.Names{Job: id}
	for i, edge := range t.edges {
		s, err := conn.Subscribe(names.Fill(plan.Edge(edge).Subject), func(_ string, data []byte) { t.show(t.names[i], data) })
		if err != nil {
			stop()
			return nil, err
		}
		stops = append(stops, s)
	}
	return stop, nil
}

// show prints the records of a frame, a line each.
func (t *taps) show(name string, data []byte) {
	h, payload, err := bus.DecodeFrame(data)
	if err != nil || h.Ref {
		return
	}
	var b []byte
	batch := nodes.LoadBatch(h.Type, h.Records, payload)
	for cur := batch.Cursor(); ; {
		r, ok := cur.Next()
		if !ok {
			break
		}
		if t.label {
			b = append(append(b, name...), ": "...)
		}
		b = append(nodes.AppendText(b, r), '\n')
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.out.Write(b)
}
