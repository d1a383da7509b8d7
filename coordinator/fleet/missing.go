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

// Missing says why a step of a job's plan is not served now, "" when all are. Whoever lets the
// job wait for that asks again within 15 s: until then the backlog counts the steps that nobody
// serves. Others, who only want to know, ask [Fleet.Unserved]. The plan must not be changed
// afterwards.
func (f *Fleet) Missing(plan *recipe.Plan) string {
	if f.known(plan) {
		return ""
	}
	f.mu.Lock()
	at := f.changes
	f.mu.Unlock()
	why, steps := f.unserved(plan, bus.FrameVersion)
	f.want(plan, steps, at)
	return why
}

// Unserved says why a step of the plan is not served now, "" when all are, to a job whose frames
// have the given version: bus.FrameVersion for a new one. A worker that drains serves nothing
// any more.
func (f *Fleet) Unserved(plan *recipe.Plan, frames int) string {
	why, _ := f.unserved(plan, frames)
	return why
}

// Rootless reports whether all workers here that serve a step have no folder whose files they
// read; false where none is here.
func (f *Fleet) Rootless(s *recipe.Step) bool {
	here := slices.DeleteFunc(f.Workers(), func(w coordinator.Worker) bool { return w.Draining || !w.Has(s) || !w.InPool(s.Pool) })
	return len(here) > 0 && !slices.ContainsFunc(here, func(w coordinator.Worker) bool { return !w.NoRoot })
}

func (f *Fleet) unserved(plan *recipe.Plan, frames int) (why string, steps []demand) {
	here := slices.DeleteFunc(f.Workers(), func(w coordinator.Worker) bool { return w.Draining })
	takes := slices.DeleteFunc(slices.Clone(here), func(w coordinator.Worker) bool { return !w.Takes(plan.Version, frames) })
	var reasons []string
	for i := range plan.Steps {
		s := &plan.Steps[i]
		why := unserved(s, takes, here)
		if d := (demand{s.Kind, s.Pool}); why != "" && !slices.Contains(steps, d) {
			steps = append(steps, d)
		}
		if why != "" && !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
	}
	switch {
	case len(reasons) == 0:
		return "", nil
	case len(here) == 0:
		return "no worker is here now", steps
	case len(takes) == 0:
		return fmt.Sprintf("no worker here now takes plans of version %d with frames of version %d: %s", plan.Version, frames, what(&here[0])), steps
	case len(reasons) > maxNamed:
		reasons = append(reasons[:maxNamed], "and more")
	}
	return strings.Join(reasons, "; "), steps
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

// unserved says why none of the workers that take the plan runs a step, "" when one does. here
// are all workers.
func unserved(s *recipe.Step, takes, here []coordinator.Worker) string {
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
	switch {
	case slices.ContainsFunc(here, func(w coordinator.Worker) bool { return w.InPool(s.Pool) && w.Has(s) }):
		text += " that takes plans and frames of its versions"
	case len(others) > 0:
		slices.Sort(others)
		text += fmt.Sprintf(" (version %s is)", list(others))
	case !pool:
		text += " (none of that pool is here)"
	}
	return text
}
