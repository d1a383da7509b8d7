package fleet

import (
	"fmt"
	"slices"
	"strings"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// maxNamed bounds the steps that a reason names.
const maxNamed = 3

// Missing says why a step of the plan is not served now, "" when all are. A worker that drains
// serves nothing any more. New jobs have frames of this build's version; of one that was started
// by another build, MissingFor says more.
func (f *Fleet) Missing(plan *recipe.Plan) string { return f.MissingFor(plan, bus.FrameVersion) }

// MissingFor is Missing for a job whose frames have the given version.
func (f *Fleet) MissingFor(plan *recipe.Plan, frames int) string {
	workers := slices.DeleteFunc(f.Workers(), func(w coordinator.Worker) bool { return w.Draining })
	if len(workers) == 0 {
		return "no worker is here now"
	}
	takes := workers[:0:0]
	for _, w := range workers {
		if w.Takes(plan.Version, frames) {
			takes = append(takes, w)
		}
	}
	if len(takes) == 0 {
		return fmt.Sprintf("no worker here now takes plans of version %d with frames of version %d: %s", plan.Version, frames, what(&workers[0]))
	}
	var reasons []string
	for i := range plan.Steps {
		why := unserved(&plan.Steps[i], takes, workers)
		if why == "" || slices.Contains(reasons, why) {
			continue
		}
		if len(reasons) == maxNamed {
			return strings.Join(reasons, "; ") + "; and more"
		}
		reasons = append(reasons, why)
	}
	return strings.Join(reasons, "; ")
}

// what says what a worker takes.
func what(w *coordinator.Worker) string {
	return fmt.Sprintf("worker %s, of version %q, takes plans %s and frames %s", w.Name, w.Version, list(w.Plans), list(w.Frames))
}

func list(versions []int) string {
	text := strings.Trim(fmt.Sprint(versions), "[]")
	if text == "" {
		return "none"
	}
	return strings.ReplaceAll(text, " ", ", ")
}

// unserved says why none of the workers runs a step, "" when one does. all are the workers that
// are here, takes those that take the plan.
func unserved(s *recipe.Step, takes, all []coordinator.Worker) string {
	who := "no worker"
	if s.Pool != "" {
		who = "no worker of pool " + s.Pool
	}
	kind := fmt.Sprintf("serves kind %s version %d", s.Kind, s.Version)
	if s.Role == recipe.RoleGate {
		kind = "runs gates"
	}
	var others []int // versions that are served
	pool := false
	for i := range takes {
		w := &takes[i]
		if !w.InPool(s.Pool) {
			continue
		}
		if pool = true; w.Has(s) {
			return ""
		}
		for _, k := range w.Kinds {
			if k.Kind == s.Kind && s.Role != recipe.RoleGate && !slices.Contains(others, k.Version) {
				others = append(others, k.Version)
			}
		}
	}
	text := fmt.Sprintf("%s %s now", who, kind)
	newer := slices.ContainsFunc(all, func(w coordinator.Worker) bool { return w.InPool(s.Pool) && w.Has(s) })
	switch {
	case newer:
		text += ", of those that take the plan's version"
	case len(others) > 0:
		slices.Sort(others)
		text += fmt.Sprintf(" (version %s is)", list(others))
	case !pool:
		text += " (none of that pool is here)"
	}
	return text
}
