package library

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/coordinator"
)

// Delete deletes a version of a recipe, or all with version 0, and returns how many those were. It
// is the fault coordinator.Conflict while another version of a recipe needs it, directly or by way
// of others, or a job that has not ended. Their numbers are not given again.
// It is coordinator.Changed where latest is not nil and not the number of the latest version.
func (l *Library) Delete(ctx context.Context, name string, version int, latest *int) (int, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, changeFor)
	defer cancel()
	for {
		h, rev, err := l.stored(ctx, name)
		if err != nil {
			return 0, err
		}
		if _, err := h.find(Ref{name, version}); err != nil {
			return 0, l.near(name, err)
		}
		if now := h.latest().Version; latest != nil && now != *latest {
			return 0, coordinator.Faultf(coordinator.Changed, "the recipe %s was changed meanwhile: its latest version is %d, and %d was expected", name, now, *latest)
		}
		var gone []string
		doomed := map[int]bool{}
		for i := range h.Versions {
			if e := &h.Versions[i]; !e.Gone && (version == 0 || e.Version == version) {
				e.Gone, doomed[e.Version] = true, true
				gone = append(gone, key(name, e.Version, e.Digest))
			}
		}
		if err := l.unused(name, h, doomed); err != nil {
			return 0, err
		}
		_, err = l.heads.Update(ctx, name, h, rev)
		if coordinator.FamilyOf(err) == coordinator.Changed && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return 0, err
		}
		for _, k := range gone {
			l.discard(ctx, k)
		}
		return len(gone), nil
	}
}

// unused refuses to delete versions that are needed. left is the head without them.
func (l *Library) unused(name string, left *head, doomed map[int]bool) error {
	what := func(n int) string {
		if left.latest() == nil && len(doomed) > 1 {
			return "the recipe " + name + " can't be deleted: version " + fmt.Sprint(n)
		}
		return fmt.Sprintf("version %d of the recipe %s can't be deleted: it", n, name)
	}
	if chain := l.needs(name, left, doomed); chain != nil {
		last := chain[len(chain)-1]
		return coordinator.Faultf(coordinator.Conflict, "%s is used by the recipe %s", what(last.Version), chainText(chain))
	}
	var fault error
	l.cfg.Jobs.All(func(j coordinator.Job) bool {
		if j.State.Final() {
			return true
		}
		if j.Recipe == name && doomed[j.Version] {
			fault = coordinator.Faultf(coordinator.Conflict, "%s is run by job %s, which is %s", what(j.Version), j.ID, j.State)
			return false
		}
		for _, use := range j.Uses {
			if ref, err := ParseRef(use); err == nil && ref.Name == name && doomed[ref.Version] {
				fault = coordinator.Faultf(coordinator.Conflict, "%s is a part of job %s, which is %s", what(ref.Version), j.ID, j.State)
			}
		}
		return fault == nil
	})
	return fault
}

// chainText describes how a recipe comes to use the last of the chain.
func chainText(chain []Ref) string {
	var names []string
	for _, r := range chain[:len(chain)-1] {
		names = append(names, r.String())
	}
	return strings.Join(names, ", by way of ")
}

// needs looks for a version that stays and includes one of the doomed, and returns the way there,
// nil when there is none: old versions may be submitted, too. What latest means is as it was before
// the deletion.
func (l *Library) needs(name string, left *head, doomed map[int]bool) []Ref {
	l.mu.RLock()
	defer l.mu.RUnlock()
	harmless := map[Ref]bool{} // those that were followed, and lead to none
	var follow func(at Ref, e *entry) []Ref
	follow = func(at Ref, e *entry) []Ref {
		if at.Name == name && doomed[at.Version] {
			return []Ref{at}
		}
		if harmless[at] {
			return nil
		}
		harmless[at] = true
		for _, use := range e.Uses {
			ref, err := ParseRef(use)
			if err != nil {
				continue
			}
			h := l.known[ref.Name]
			if next, err := h.find(ref); err == nil {
				if way := follow(Ref{ref.Name, next.Version}, next); way != nil {
					return append([]Ref{at}, way...)
				}
			}
		}
		return nil
	}
	for _, other := range l.names {
		h := l.known[other]
		if other == name {
			h = left
		}
		for i := range slices.Backward(h.Versions) {
			e := &h.Versions[i]
			if e.Gone {
				continue
			}
			if way := follow(Ref{other, e.Version}, e); way != nil {
				return way
			}
		}
	}
	return nil
}
