package main

import (
	"context"
	"slices"
	"strings"

	"sluice/coordinator/dead"
	"sluice/recipe"
)

// scope returns the jobs whose letters are meant.
func (j jobFlag) scope(store *dead.Store) (dead.Scope, error) {
	scope := store.Scope(recipe.JobID(j.Job))
	if j.Job == "" || len(scope) > 0 {
		return scope, nil
	}
	if others := store.Others(scope); len(others) > 0 {
		return nil, usagef("--job %s: there is no such job; those with dead letters are %s", visible(j.Job), jobList(others))
	}
	return nil, usagef("--job %s: there is no such job, and none there has dead letters", visible(j.Job))
}

// jobsShown is how many jobs a message names.
const jobsShown = 5

// jobList names jobs, the newest first.
func jobList(ids []recipe.JobID) string {
	var names []string
	for _, id := range slices.Backward(ids) {
		if len(names) == jobsShown {
			names = append(names, "…")
			break
		}
		names = append(names, string(id))
	}
	return strings.Join(names, ", ")
}

// wanted is the letters that a command line names: by JOB/ID, or in the scope by ID.
type wanted struct {
	scope dead.Scope
	found map[string]int      // by name: the letters it means
	apart map[string][]string // by ID: letters out of the scope that have it, as JOB/ID
}

// findWanted looks for the letters with the ids. One that means no letter or several is
// an error.
func findWanted(ctx context.Context, ids []string, store *dead.Store, scope dead.Scope, dir string) (*wanted, error) {
	w := &wanted{scope: scope, found: map[string]int{}, apart: map[string][]string{}}
	for _, id := range ids {
		w.found[id] = 0
	}
	if len(ids) == 0 {
		return w, nil
	}
	if err := store.Each(ctx, nil, w.look); err != nil {
		return nil, err
	}
	return w, w.fault(dir)
}

// names returns what the letter may be called.
func (w *wanted) names(l *dead.Letter) []string {
	if w.scope.Has(l.Job) {
		return []string{l.ID, l.Long()}
	}
	return []string{l.Long()}
}

// look counts the names that mean the letter.
func (w *wanted) look(l *dead.Letter) error {
	for _, name := range w.names(l) {
		if n, asked := w.found[name]; asked {
			w.found[name] = n + 1
		}
	}
	if _, asked := w.found[l.ID]; asked && !w.scope.Has(l.Job) {
		w.apart[l.ID] = append(w.apart[l.ID], l.Long())
	}
	return nil
}

func (w *wanted) has(l *dead.Letter) bool {
	for _, name := range w.names(l) {
		if _, asked := w.found[name]; asked {
			return true
		}
	}
	return false
}

// fault reports a name that means no letter, or several.
func (w *wanted) fault(dir string) error {
	for name, n := range w.found {
		switch apart := w.apart[name]; {
		case n == 0 && len(apart) > 0:
			return usagef("the job has no dead letter %s; other jobs of the folder have: %s", name, strings.Join(apart, ", "))
		case n == 0:
			return usagef("there is no dead letter %s; they are listed by: %s", visible(name), shellLine([]string{"dead", "list", "--data-dir", dir}))
		case n > 1:
			return usagef("the job and its replays have %d dead letters %s; write JOB/%s, as they are listed by: %s", n, name, name, shellLine([]string{"dead", "list", "--data-dir", dir}))
		}
	}
	return nil
}
