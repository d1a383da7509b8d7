package main

import (
	"io"
	"slices"
	"sync"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// taps print the records that pass at output ports. A tap is a plain subscription on the
// port's first edge: it slows nothing, and after a crash it may show a record twice.
type taps struct {
	all   []recipe.Tap
	label bool // lines begin with the tap's name
	mu    sync.Mutex
	out   io.Writer // guarded by mu
}

// newTaps finds the edges of what is to be tapped. Where a printer, or another tap, writes to the
// same output, lines begin with the tap's name.
func newTaps(wanted []string, plan *recipe.Plan, outlets map[string][]string, out io.Writer) (*taps, error) {
	t := &taps{out: out}
	for _, w := range wanted {
		found, err := plan.FindTaps(w, outlets)
		if err != nil {
			return nil, usagef("--tap %s: %w", w, err)
		}
		t.all = append(t.all, found...)
	}
	printers := slices.ContainsFunc(plan.Steps, func(s recipe.Step) bool { return s.Kind == recipe.KindPrinter })
	t.label = len(t.all) > 1 || printers
	return t, nil
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
	for _, tap := range t.all {
		s, err := conn.Subscribe(names.Fill(plan.Edge(tap.Edge).Subject), func(_ string, data []byte) { t.show(tap.Name, data) })
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
