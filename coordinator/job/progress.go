package job

import (
	"slices"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// progress draws a picture of the job from the fold alone.
func (r *run) progress() recipe.Progress {
	p := recipe.Progress{Job: r.names.Job, Recipe: r.plan.Recipe, State: r.rec.State, Reason: r.rec.Reason, Fraction: r.fraction(), Elapsed: r.elapsed()}
	p.Steps, p.Unread = r.done()
	switch {
	case r.ended:
	case r.caught:
		p.Earlier = r.earlier
	default: // what is counted so far is of a run before this one
		p.Earlier = p.Steps
	}
	return p
}

// catchUp takes the time of the ledger's next entry. Before the first of this run it notes
// what is counted by then: the fold, and entries that no earlier run has folded.
func (r *run) catchUp(entry time.Time) {
	if !r.caught && entry.After(r.began) {
		r.earlier, _ = r.done()
		r.caught = true
	}
}

// done is what the steps have done so far.
func (r *run) done() (steps []recipe.StepProgress, unread []recipe.UnreadPort) {
	for i := range r.plan.Steps {
		s, f := &r.plan.Steps[i], &r.acct.Fold.Steps[i]
		sp := recipe.StepProgress{Node: s.Node, Kind: s.Kind, Role: s.Role, In: f.In, Dead: f.Dead + f.Damaged,
			Dropped: f.Dropped + f.Discarded, Expired: f.Expired, Skipped: f.Skipped}
		for port, n := range f.Out {
			sp.Out += n
			if slices.Contains(s.Unread, s.Outputs[port].Name) && n > 0 {
				unread = append(unread, recipe.UnreadPort{Node: s.Node, Port: s.Outputs[port].Name, Records: n})
			}
		}
		for _, id := range s.Out {
			sp.Dropped += r.acct.Fold.Edges[id.Index()].Lost
		}
		if s.Role == recipe.RoleSource {
			sp.In = sp.Out + sp.Dead + f.Discarded
		}
		steps = append(steps, sp)
	}
	return steps, unread
}

// elapsed is how long this run takes; of a job that had ended before, from its start to its
// end.
func (r *run) elapsed() time.Duration {
	if r.ended {
		return r.rec.Ended.Sub(r.rec.Started)
	}
	return time.Since(r.began)
}

// almost is the most that is said of a job that is not at its end.
const almost = 0.999

// fraction is how much of the sources' splits has passed all steps: by their sizes where the
// kind knows them, else by their number. The source that is furthest behind decides. It is
// -1 while that is not known of a source, or when it has no end, and never goes back.
func (r *run) fraction() float64 {
	if r.rec.State == recipe.JobSucceeded {
		return 1
	}
	least, places := 1.0, r.acct.Hindmost()
	for i := range r.plan.Steps {
		if r.plan.Steps[i].Role == recipe.RoleSource {
			least = min(least, r.acct.SplitsPassed(i, places[i], r.sizes[i]))
		}
	}
	r.shown = max(r.shown, min(least, almost))
	return r.shown
}

// listed takes a source's list of splits. Without sizes that add up, those that are
// kept are empty.
func (r *run) listed(step int, list *bus.SplitList) {
	count := max(list.Count, len(list.Splits))
	r.acct.Splits(step, uint32(count))
	if len(list.Sizes) != count {
		return
	}
	below := make([]int64, 1, count+1)
	for _, size := range list.Sizes {
		if size <= 0 {
			return
		}
		below = append(below, below[len(below)-1]+size)
	}
	r.sizes[step] = below
}
