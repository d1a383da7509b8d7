package lead

import (
	"fmt"
	"slices"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// A leader that dies between the end of a job and the event of it has told nobody. The next
// one tells again of ends that others wrote down; the store keeps the first event of each.
const (
	retellFor = 24 * time.Hour // behind the end; clocks of coordinators may differ
	retellMax = 256            // of those that had ended before the term, the latest; below what waits for the store
)

// tell emits what a job's status says.
func (d *desk) tell(id recipe.JobID, s *coordinator.Status, at time.Time) {
	d.p.Events.Emit(coordinator.Event{Job: id, Type: coordinator.EventState, Level: coordinator.LevelOf(s.State), At: at.UTC(), Once: s.State.Final(),
		Text: text(s), Data: coordinator.Status{State: s.State, Waiting: s.Waiting, Reason: s.Reason, Started: s.Started, Ended: s.Ended}})
}

func text(s *coordinator.Status) string {
	switch {
	case s.Reason != "":
		return fmt.Sprintf("%s: %s", s.State, s.Reason)
	case s.Waiting != "":
		return fmt.Sprintf("%s: %s", s.State, s.Waiting)
	}
	return string(s.State)
}

// untold reports whether a leader before this one has written the job's end not long ago.
func (d *desk) untold(j *coordinator.Job) bool {
	return j.State.Final() && j.Want != coordinator.WantGone && j.Term != d.term && time.Since(j.Ended) < retellFor
}

// retell tells of the latest ends that were written before this term.
func (d *desk) retell() {
	var ends []coordinator.Job
	d.p.Jobs.All(func(j coordinator.Job) bool {
		if d.untold(&j) {
			ends = append(ends, j)
		}
		return true
	})
	slices.SortFunc(ends, func(a, b coordinator.Job) int { return b.Ended.Compare(a.Ended) })
	for i := range ends[:min(len(ends), retellMax)] {
		d.tell(ends[i].ID, &ends[i].Status, ends[i].Ended)
	}
}
