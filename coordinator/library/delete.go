package library

import (
	"cmp"
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
//
// What is written at the same moment is looked for again behind the head: who wrote before it is
// seen then, and the versions are there again. Who writes behind it finds them deleted.
func (l *Library) Delete(ctx context.Context, name string, version int, latest *int) (int, error) {
	if err := checkName(name); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, changeFor)
	defer cancel()
	for {
		d, err := l.deletion(ctx, name, version, latest)
		if err != nil {
			return 0, err
		}
		if err := l.cfg.Control.Current(ctx); err != nil {
			return 0, err
		}
		if err := l.unused(d); err != nil {
			return 0, err
		}
		_, err = l.heads.Update(ctx, name, d.left, d.rev)
		if coordinator.FamilyOf(err) == coordinator.Changed && ctx.Err() == nil {
			continue
		}
		if err != nil {
			return 0, err
		}
		if err := l.unused(d); err != nil {
			return 0, cmp.Or(l.putBack(ctx, d), err)
		}
		for n := range d.doomed {
			l.discard(ctx, name, d.before.numbered(n))
		}
		return len(d.doomed), nil
	}
}

// deletion is versions of a recipe on their way out.
type deletion struct {
	name         string
	before, left *head
	rev          uint64 // of before
	doomed       map[int]bool
}

// deletion looks at what is stored and marks what is to go.
func (l *Library) deletion(ctx context.Context, name string, version int, latest *int) (*deletion, error) {
	h, rev, err := l.stored(ctx, name)
	if err != nil {
		return nil, err
	}
	if _, err := h.find(Ref{name, version}); err != nil {
		return nil, l.near(name, err)
	}
	if now := h.latest().Version; latest != nil && now != *latest {
		return nil, coordinator.Faultf(coordinator.Changed, "the recipe %s was changed meanwhile: its latest version is %d, and %d was expected", name, now, *latest)
	}
	d := &deletion{name: name, before: h, left: &head{Versions: slices.Clone(h.Versions)}, rev: rev, doomed: map[int]bool{}}
	for i := range d.left.Versions {
		if e := &d.left.Versions[i]; !e.Gone && (version == 0 || e.Version == version) {
			e.Gone, d.doomed[e.Version] = true, true
		}
	}
	return d, nil
}

// putBack makes versions that were deleted be there again. Their documents are still stored, and are
// written anew: a sweep may have seen that nobody names them.
func (l *Library) putBack(ctx context.Context, d *deletion) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeFor)
	defer cancel()
	docs := map[string]*document{}
	for n := range d.doomed {
		e := d.before.numbered(n)
		doc, err := l.read(ctx, d.name, e)
		if err != nil {
			return err
		}
		docs[key(d.name, n, e.Digest)] = doc
	}
	_, err := l.heads.Change(ctx, d.name, func(h *head) error {
		for n := range d.doomed {
			if e := h.numbered(n); e != nil && e.Digest == d.before.numbered(n).Digest {
				e.Gone = false
			}
		}
		return nil
	})
	for k, doc := range docs {
		if err == nil {
			err = l.write(ctx, d.name, k, doc)
		}
	}
	return err
}

// unused refuses to delete versions that are needed.
func (l *Library) unused(d *deletion) error {
	name, left, doomed := d.name, d.left, d.doomed
	what := func(n int) string {
		if left.latest() == nil && len(doomed) > 1 {
			return "the recipe " + name + " can't be deleted: version " + fmt.Sprint(n)
		}
		return fmt.Sprintf("version %d of the recipe %s can't be deleted: it", n, name)
	}
	if chain := l.needs(d); chain != nil {
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
func (l *Library) needs(d *deletion) []Ref {
	name, doomed := d.name, d.doomed
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
			if ref.Name == name {
				h = d.before
			}
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
			h = d.left
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
