package trial

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/bus"
	"sluice/internal/protocol"
	"sluice/recipe"
)

func isGone(err error) bool { return errors.Is(err, bus.ErrNoStream) || errors.Is(err, bus.ErrGone) }

// Succeeded fails the test unless the job did, with balanced counts on every edge.
func (r *Result) Succeeded() *Result {
	r.t.Helper()
	if r.State != recipe.JobSucceeded {
		r.t.Fatalf("got %s (%s), want succeeded\n%s", r.State, r.Reason, r.plan.Text())
	}
	r.Balanced()
	return r
}

// Failed fails the test unless the job failed with a reason that has all of says in it.
func (r *Result) Failed(says ...string) *Result {
	r.t.Helper()
	if r.State != recipe.JobFailed {
		r.t.Fatalf("got %s (%s), want failed", r.State, r.Reason)
	}
	for _, s := range says {
		if !strings.Contains(r.Reason, s) {
			r.t.Errorf("got reason %q, want %q in it", r.Reason, s)
		}
	}
	return r
}

// Balanced checks the conservation of records on every edge, from the ledger's fold:
// what was produced was dropped by the publisher or taken, and what a gate took it
// passed on, expired, dropped or counted as damaged.
func (r *Result) Balanced() {
	r.t.Helper()
	for i := range r.plan.Edges {
		e, f := &r.plan.Edges[i], r.Fold.Edges[i]
		if f.Produced != f.Taken+f.Lost {
			r.t.Errorf("edge %s: got %d produced, %d taken and %d dropped", e.ID, f.Produced, f.Taken, f.Lost)
		}
	}
	for i := range r.plan.Steps {
		s, f := &r.plan.Steps[i], &r.Fold.Steps[i]
		if s.Role == recipe.RoleGate && f.In != f.Out[0]+f.Expired+f.Dropped+f.Damaged+f.Skipped {
			r.t.Errorf("gate %s: got %+v", s.Node, f)
		}
	}
}

// Account returns the fold of a node.
func (r *Result) Account(node string) protocol.StepFold {
	r.t.Helper()
	for i := range r.plan.Steps {
		if r.plan.Steps[i].Node == node {
			return r.Fold.Steps[i]
		}
	}
	r.t.Fatalf("no step %s in\n%s", node, r.plan.Text())
	return protocol.StepFold{}
}

// Into returns the fold of the edge into a step that has one.
func (r *Result) Into(node string) protocol.EdgeFold {
	r.t.Helper()
	for i := range r.plan.Steps {
		if s := &r.plan.Steps[i]; s.Node == node && len(s.In) == 1 {
			for k := range r.plan.Edges {
				if r.plan.Edges[k].ID == s.In[0] {
					return r.Fold.Edges[k]
				}
			}
		}
	}
	r.t.Fatalf("no step %s with one in-edge in\n%s", node, r.plan.Text())
	return protocol.EdgeFold{}
}

// DeadOf returns the dead letters of a node, in the order of the records.
func (r *Result) DeadOf(node string) []bus.DeadLetter {
	var of []bus.DeadLetter
	for _, l := range r.Dead {
		if l.Node == node {
			of = append(of, l)
		}
	}
	slices.SortStableFunc(of, func(a, b bus.DeadLetter) int { return slices.Compare(numbers(a.ID), numbers(b.ID)) })
	return of
}

// numbers returns the numbers in a dead letter's id: of the step, the ordinal, the record.
func numbers(id string) []int {
	var all []int
	for _, f := range strings.FieldsFunc(id, func(r rune) bool { return r < '0' || r > '9' }) {
		n, _ := strconv.Atoi(f)
		all = append(all, n)
	}
	return all
}
