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

// Lost returns a frame that a job waits for and that can't come any more: the step above
// has committed it, and neither is it stored on its edge nor is what it was made of stored
// above. What is on its way between two steps is on neither for a moment, so one look is no
// proof; a second one is, when nothing has moved between them. About edges with a ttl and
// what gates let through it says nothing: there the coordinator helps; see [Accountant.Overdue].
func (a *Accountant) Lost(w Waiting) (edge recipe.EdgeID, o recipe.Ordinal, lost bool) {
	if !w.All {
		return "", o, false
	}
	for i := range a.plan.Edges {
		e := &a.plan.Edges[i]
		for l := range a.Fold.Steps[e.From].Lanes {
			if o, missing := a.missing(e, l); missing && a.lost(w, e, o) {
				return e.ID, o, true
			}
		}
	}
	return "", o, false
}

// lost reports whether a frame that a reader misses is stored neither on the edge nor above.
func (a *Accountant) lost(w Waiting, e *recipe.Edge, o recipe.Ordinal) bool {
	from := &a.plan.Steps[e.From]
	switch {
	case w.has(e.ID, o) || e.TTL > 0 || from.Role == recipe.RoleGate:
		return false
	case from.Role == recipe.RoleSource:
		return a.open[from.ID].done(o.Split)
	}
	for _, id := range from.In {
		for up := range w.frames[id] {
			if up.Split == o.Split && up.N == o.N {
				return false
			}
		}
	}
	return true
}
