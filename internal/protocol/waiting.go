package protocol

import "sluice/recipe"

// Waiting are the frames that are stored on a job's edges, as far as somebody looked.
type Waiting struct {
	All    bool // nothing was left out
	frames map[recipe.EdgeID]map[recipe.Ordinal]recipe.Parts
}

// Add notes a frame on an edge. o is on the lane of the step above.
func (w *Waiting) Add(e *recipe.Edge, o recipe.Ordinal, parts recipe.Parts) {
	if w.frames == nil {
		w.frames = map[recipe.EdgeID]map[recipe.Ordinal]recipe.Parts{}
	}
	if w.frames[e.ID] == nil {
		w.frames[e.ID] = map[recipe.Ordinal]recipe.Parts{}
	}
	o.Lane += uint16(e.LaneBase)
	w.frames[e.ID][o] = parts
}

// has reports whether a frame waits on an edge. o is on the reader's lane.
func (w *Waiting) has(id recipe.EdgeID, o recipe.Ordinal) bool {
	_, found := w.frames[id][o]
	return found
}

// Lost returns the frame that a job waits for, where it can't come any more: the step above
// has committed it, and neither is it stored on its edge nor is what it was made of stored
// above. What is on its way between two steps is on neither for a moment, so one look is no
// proof; a second one is, when nothing has moved between them. About edges with a ttl and
// what gates let through it says nothing: there the coordinator helps; see [Accountant.Overdue].
func (a *Accountant) Lost(w Waiting) (recipe.EdgeID, recipe.Ordinal, bool) {
	edge, o, missing := a.Missing()
	if !missing || !w.All || w.has(edge, o) {
		return "", o, false
	}
	e := a.plan.Edge(edge)
	from := &a.plan.Steps[e.From]
	switch {
	case e.TTL > 0 || from.Role == recipe.RoleGate:
		return "", o, false
	case from.Role == recipe.RoleSource:
		return edge, o, a.open[from.ID].done(o.Split)
	}
	for _, id := range from.In {
		for up := range w.frames[id] {
			if up.Split == o.Split && up.N == o.N {
				return "", o, false
			}
		}
	}
	return edge, o, true
}
