package dead

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Store is the dead letters of all jobs that one server keeps.
type Store struct {
	conn    *bus.Conn
	jobs    []*bus.JobRecord // in the order in which they started
	several bool             // jobs have letters: their names say the job

	mu    sync.Mutex
	taken map[recipe.JobID][]sheaf // by replay; guarded by mu
}

// Letter is a stored dead letter.
type Letter struct {
	bus.DeadLetter
	Name     string       // what people call it: its id, behind "JOB/" where several jobs have letters
	Replayed recipe.JobID // the replay that has it, "" for none

	job   *bus.JobRecord
	key   bus.DeadKey // of the message that holds it
	index int         // in that message
}

// Names are what may be said for the letter: its id, and JOB/ID.
func (l *Letter) Names() []string {
	return []string{l.ID, string(l.Job) + "/" + l.ID}
}

// Open reads what jobs there are.
func Open(ctx context.Context, conn *bus.Conn) (*Store, error) {
	s := &Store{conn: conn, taken: map[recipe.JobID][]sheaf{}}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Refresh reads anew what jobs there are.
func (s *Store) Refresh(ctx context.Context) (err error) {
	if s.jobs, err = job.All(ctx, s.conn); err != nil {
		return err
	}
	having := 0
	for _, rec := range s.jobs {
		st, err := s.conn.StreamState(ctx, bus.Names{Job: rec.Job}.Dead())
		if err != nil && !errors.Is(err, bus.ErrNoStream) {
			return err
		}
		if st.Msgs > 0 {
			having++
		}
	}
	s.several = having > 1
	return nil
}

// Nodes returns the names of the nodes of all jobs, sorted.
func (s *Store) Nodes() []string {
	var names []string
	for _, rec := range s.jobs {
		for i := range rec.Plan.Steps {
			if rec.Plan.Steps[i].Role != recipe.RoleGate {
				names = append(names, rec.Plan.Steps[i].Node)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Unfinished returns the job that is not at its end, nil when there is none.
func (s *Store) Unfinished() *bus.JobRecord {
	for _, rec := range s.jobs {
		if !rec.State.Final() {
			return rec
		}
	}
	return nil
}

// Each calls f for every letter, by jobs in the order in which they started. An error of
// f ends it and is returned.
func (s *Store) Each(ctx context.Context, f func(*Letter) error) error {
	for _, rec := range s.jobs {
		if err := s.eachOf(ctx, rec, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) eachOf(ctx context.Context, rec *bus.JobRecord, f func(*Letter) error) error {
	names := bus.Names{Job: rec.Job}
	marks, err := s.marks(ctx, rec.Job)
	if err != nil {
		return err
	}
	err = s.conn.Scan(ctx, names.Dead(), names.DeadAll(), 0, func(m *bus.Stored) error {
		key, ok := names.DeadKey(m.Subject)
		if !ok || key.Step >= len(rec.Plan.Steps) {
			return fmt.Errorf("job %s has dead letters of no step: %s", rec.Job, m.Subject)
		}
		list, err := decode(m.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Subject, err)
		}
		taken := marks[key]
		for i := range list {
			l := Letter{DeadLetter: list[i], Name: list[i].ID, job: rec, key: key, index: i}
			if s.several {
				l.Name = string(rec.Job) + "/" + l.ID
			}
			if child := taken[i]; s.holds(rec.Job, child) {
				l.Replayed = child
			}
			if err := f(&l); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, bus.ErrNoStream) { // the job left none
		return nil
	}
	return err
}

// holds reports whether a replay that a mark names has what it marked.
func (s *Store) holds(parent, child recipe.JobID) bool {
	for _, rec := range s.jobs {
		if rec.Job == child {
			return rec.Parent == parent && rec.State != recipe.JobFailed && rec.State != recipe.JobCancelled
		}
	}
	return false
}

// decode reads the letters of one message, a JSON line each.
func decode(data []byte) ([]bus.DeadLetter, error) {
	var list []bus.DeadLetter
	dec := json.NewDecoder(bytes.NewReader(data))
	for dec.More() {
		var l bus.DeadLetter
		if err := dec.Decode(&l); err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		list = append(list, l)
	}
	return list, nil
}

// Whole fetches a record that the letter only names, so that Record or Raw is set. A
// letter of a source may have neither: what is known is its place.
func (s *Store) Whole(ctx context.Context, l *bus.DeadLetter) error {
	if l.Ref == "" {
		return nil
	}
	names := bus.Names{Job: l.Job}
	values, err := s.conn.Objects(ctx, bus.ObjectsConfig{Stream: names.Values(), Prefix: names.ValuesPrefix()})
	if err != nil {
		return err
	}
	data, err := values.Read(ctx, l.Ref)
	if err != nil {
		return fmt.Errorf("read the record of dead letter %s: %w", l.ID, err)
	}
	if l.RefRaw {
		l.Raw = data
	} else {
		l.Record = data
	}
	l.Ref = ""
	return nil
}
