package main

import (
	"io"
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
	mu    sync.Mutex
	out   io.Writer // guarded by mu
}

// newTaps finds the edges of NODE or NODE.PORT.
func newTaps(wanted []string, plan *recipe.Plan, out io.Writer) (*taps, error) {
	t := &taps{out: out}
	for _, w := range wanted {
		id, err := tapEdge(w, plan)
		if err != nil {
			return nil, err
		}
		t.edges, t.names = append(t.edges, id), append(t.names, w)
	}
	return t, nil
}

func tapEdge(wanted string, plan *recipe.Plan) (recipe.EdgeID, error) {
	node, port, hasPort := strings.Cut(wanted, ".")
	var names []string
	for i := range plan.Steps {
		s := &plan.Steps[i]
		names = append(names, s.Node)
		if s.Node != node {
			continue
		}
		for _, id := range s.Out {
			if e := plan.Edge(id); !hasPort || s.Outputs[e.FromPort].Name == port {
				return id, nil
			}
		}
		return "", usagef("--tap %s: nothing reads there, so nothing passes", wanted)
	}
	if near, ok := nodes.Nearest(node, names); ok {
		return "", usagef("--tap %s: the recipe has no node %s; did you mean %s?", wanted, node, near)
	}
	return "", usagef("--tap %s: the recipe has no node %s", wanted, node)
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

// show prints the records of a frame, a line each; behind the tap's name when there are
// several taps.
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
		if len(t.edges) > 1 {
			b = append(append(b, name...), ": "...)
		}
		b = append(nodes.AppendText(b, r), '\n')
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.out.Write(b)
}
