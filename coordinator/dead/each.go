package dead

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/internal/bus"
	"sluice/recipe"
)

// Scope is the jobs whose letters are meant. Nil is all of them.
type Scope map[recipe.JobID]bool

// Has reports whether the letters of a job are meant.
func (s Scope) Has(id recipe.JobID) bool { return s == nil || s[id] }

// Scope returns a job, the replays of its letters, and theirs; without an id, of the job
// that was started last and is no replay. It is empty, and not nil, when there is no such job.
func (s *Store) Scope(id recipe.JobID) Scope {
	scope := Scope{}
	for _, rec := range slices.Backward(s.jobs) {
		if rec.Job == id || id == "" && rec.Parent == "" {
			scope[rec.Job] = true
			break
		}
	}
	for _, rec := range s.jobs { // a replay starts behind what it replays
		if scope[rec.Parent] {
			scope[rec.Job] = true
		}
	}
	return scope
}

// Others returns the jobs out of the scope that have letters, in the order in which they
// started.
func (s *Store) Others(scope Scope) []recipe.JobID {
	return slices.DeleteFunc(slices.Clone(s.having), scope.Has)
}

// Each calls f for every letter in the scope: by jobs in the order in which they started,
// by nodes in the plan's order, by frames and by records. Of a node with more letters than
// sortBytes the frames are a little out of order, as they were given up. An error of f ends
// it and is returned.
func (s *Store) Each(ctx context.Context, scope Scope, f func(*Letter) error) error {
	for _, rec := range s.jobs {
		if !scope.Has(rec.Job) || !slices.Contains(s.having, rec.Job) {
			continue
		}
		marks, err := s.marks(ctx, rec.Job)
		if err != nil {
			return err
		}
		for step := range rec.Plan.Steps {
			if err := s.eachOf(ctx, rec, step, marks, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// sortBytes bounds the messages that are held back to be sorted.
const sortBytes = 8 << 20

// held is a message with letters, and how it is sorted.
type held struct {
	key bus.DeadKey
	*bus.Stored
}

// eachOf calls f for the letters of one step. Messages are held back up to a bound, and
// beyond it those of the earlier frames are let go.
func (s *Store) eachOf(ctx context.Context, rec *bus.JobRecord, step int, marks map[bus.DeadKey]stamped, f func(*Letter) error) error {
	names := bus.Names{Job: rec.Job}
	if _, err := s.conn.Next(ctx, names.Dead(), names.DeadStep(step), 1); errors.Is(err, bus.ErrNotFound) {
		return nil // most steps have none, and a scan costs more than this
	}
	var back []held
	size := 0
	letGo := func(enough int) error {
		slices.SortFunc(back, func(a, b held) int { return byFrame(a.key, b.key) })
		for len(back) > 0 && size > enough {
			if err := s.letters(rec, back[0], marks, f); err != nil {
				return err
			}
			size -= len(back[0].Data)
			back = back[1:]
		}
		return nil
	}
	err := s.conn.Scan(ctx, names.Dead(), names.DeadStep(step), 0, func(m *bus.Stored) error {
		key, ok := names.DeadKey(m.Subject)
		if !ok {
			return fmt.Errorf("job %s has dead letters of no step: %s", rec.Job, m.Subject)
		}
		back, size = append(back, held{key, m}), size+len(m.Data)
		if size > sortBytes {
			return letGo(sortBytes / 2)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return letGo(-1)
}

// letters calls f for the letters of one message.
func (s *Store) letters(rec *bus.JobRecord, m held, marks map[bus.DeadKey]stamped, f func(*Letter) error) error {
	list, err := decode(m.Data)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Subject, err)
	}
	taken := marks[m.key].mark
	for i := range list {
		if taken[i] == purged {
			continue
		}
		l := Letter{DeadLetter: list[i], Name: list[i].ID, job: rec, key: m.key, index: i}
		if len(s.having) > 1 {
			l.Name = l.Long()
		}
		if child := taken[i]; child != "" {
			if has, _ := s.holds(rec.Job, child); has {
				l.Replayed = child
			}
		}
		if err := f(&l); err != nil {
			return err
		}
	}
	return nil
}
