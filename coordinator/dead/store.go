package dead

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Store is the dead letters of all jobs that one server keeps, or, behind a [Box], of one.
type Store struct {
	conn   *bus.Conn
	jobs   []*bus.JobRecord // in the order in which they started
	having []recipe.JobID   // those with letters
	// find tells of a job that a mark names; nil looks among jobs.
	find func(recipe.JobID) (parent recipe.JobID, state recipe.JobState, known bool)
	// stands is for how long the mark of a replay that is not known keeps others away.
	stands time.Duration

	mu    sync.Mutex
	taken map[recipe.JobID][]sheaf // by replay; guarded by mu
}

// Letter is a stored dead letter.
type Letter struct {
	bus.DeadLetter
	Name     string       // what people call it: its id, behind "JOB/" where several jobs of the folder have letters
	Replayed recipe.JobID // the replay that has it, "" for none

	job   *bus.JobRecord
	key   bus.DeadKey // of the message that holds it
	index int         // in that message
}

// Long returns JOB/ID, which no other letter of the folder is called.
func (l *Letter) Long() string { return string(l.Job) + "/" + l.ID }

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
	s.having = nil
	for _, rec := range s.jobs {
		st, err := s.conn.StreamState(ctx, bus.Names{Job: rec.Job}.Dead())
		if err != nil && !errors.Is(err, bus.ErrNoStream) {
			return err
		}
		if st.Msgs > 0 {
			s.having = append(s.having, rec.Job)
		}
	}
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

// holds reports whether a replay that a mark names is known, and has what it marked.
func (s *Store) holds(parent, child recipe.JobID) (has, known bool) {
	find := s.find
	if find == nil {
		find = s.among
	}
	of, state, known := find(child)
	return known && of == parent && state != recipe.JobFailed && state != recipe.JobCancelled, known
}

func (s *Store) among(id recipe.JobID) (parent recipe.JobID, state recipe.JobState, known bool) {
	for _, rec := range s.jobs {
		if rec.Job == id {
			return rec.Parent, rec.State, true
		}
	}
	return "", "", false
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
	values := s.conn.OpenObjects(bus.ObjectsConfig{Stream: names.Values(), Prefix: names.ValuesPrefix()})
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
