package worker

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// EveryPool makes a worker serve the steps of all pools.
const EveryPool = "*"

// gateKind is what plans call the kind of a gate. It is in no catalogue: a gate is the engine's.
const gateKind = "gate"

// checkPatterns refuses a pattern that no kind of the catalogue matches: nobody would learn
// that the worker serves less than was meant.
func checkPatterns(patterns []string, c *nodes.Catalogue) error {
	for _, p := range patterns {
		found := false
		var names []string
		for _, k := range c.All() {
			ok, err := path.Match(p, k.Kind)
			if err != nil {
				return fmt.Errorf("the pattern %q of kinds is malformed: *, ? and [a-z] stand for parts of a name", p)
			}
			found = found || ok
			names = append(names, k.Kind)
		}
		if found || p == gateKind {
			continue
		}
		if near, ok := nodes.Nearest(p, names); ok {
			return fmt.Errorf("this worker has no kind %s; did you mean %s?", p, near)
		}
		return fmt.Errorf("this worker has no kind that matches %s; sluice kinds lists them", p)
	}
	return nil
}

// serves reports whether a step is one of those that the worker is for.
func (w *Worker) serves(s *recipe.Step) bool {
	if s.Pool != "" && w.cfg.Pool != EveryPool && s.Pool != w.cfg.Pool {
		return false
	}
	return w.chosen(s)
}

// chosen is serves, whatever the pool. Gates are no kind to choose: who serves anything at all
// runs them too.
func (w *Worker) chosen(s *recipe.Step) bool {
	named := len(w.cfg.Kinds) == 0 || s.Role == recipe.RoleGate
	for _, p := range w.cfg.Kinds {
		ok, _ := path.Match(p, s.Kind) // checked by New
		named = named || ok
	}
	return named && (w.cfg.Serves == nil || w.cfg.Serves(s))
}

// formats are the forms of frames and plans that the worker takes.
func (w *Worker) formats() bus.Formats {
	if w.cfg.Formats != nil {
		return *w.cfg.Formats
	}
	return bus.ReadFormats()
}

// refuses says why the worker can't serve a job whatever its kinds are, "" when it can.
func (w *Worker) refuses(rec *bus.JobRecord) string {
	f, frames := w.formats(), max(1, rec.Frames)
	switch {
	case rec.Plan == nil:
		return "its record has no plan"
	case !slices.Contains(f.Plans, rec.Plan.Version):
		return fmt.Sprintf("its plan has version %d of the form, and this worker takes %s", rec.Plan.Version, versions(f.Plans))
	case !slices.Contains(f.Frames, frames):
		return fmt.Sprintf("its frames have version %d, and this worker takes %s", frames, versions(f.Frames))
	}
	return ""
}

func versions(list []int) string {
	text := make([]string, len(list))
	for i, v := range list {
		text[i] = fmt.Sprint(v)
	}
	if len(text) == 0 {
		return "none"
	}
	return strings.Join(text, ", ")
}

// readJob reads the record of a job. Of one that a later build wrote in a form that this one
// can't read, at least the versions are known.
func readJob(m *bus.Stored) (rec bus.JobRecord, err error) {
	if err = bus.DecodeRecord(m.Data, &rec); err == nil {
		return rec, nil
	}
	var part struct {
		Job        recipe.JobID    `json:"job"`
		State      recipe.JobState `json:"state"`
		Generation uint64          `json:"generation"`
		Frames     int             `json:"frames"`
		Plan       struct {
			Version int `json:"version"`
		} `json:"plan"`
	}
	if bus.DecodeRecord(m.Data, &part) != nil || part.Plan.Version <= recipe.PlanVersion {
		return rec, err
	}
	return bus.JobRecord{Job: part.Job, State: part.State, Generation: part.Generation, Frames: part.Frames, Plan: &recipe.Plan{Version: part.Plan.Version}}, nil
}
