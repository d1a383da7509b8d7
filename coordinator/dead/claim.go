package dead

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sluice/internal/bus"
	"sluice/recipe"
)

// sheaf is the letters that a replay takes of those of one message.
type sheaf struct {
	key     bus.DeadKey
	indexes []int // sorted
}

// mark is stored for a message: which replay has which letter, by its index.
type mark map[int]recipe.JobID

// marks reads the marks of a job's letters.
func (s *Store) marks(ctx context.Context, id recipe.JobID) (map[bus.DeadKey]mark, error) {
	names := bus.Names{Job: id}
	all := map[bus.DeadKey]mark{}
	err := s.conn.Scan(ctx, names.State(), names.ReplayedAll(), 0, func(m *bus.Stored) error {
		key, ok := names.ReplayedKey(m.Subject)
		var one mark
		if err := json.Unmarshal(m.Data, &one); err != nil || !ok {
			return fmt.Errorf("the mark %s is malformed", m.Subject)
		}
		all[key] = one
		return nil
	})
	if errors.Is(err, bus.ErrNoStream) {
		err = nil
	}
	return all, err
}

// Batch is letters of one step of one job, to be replayed together.
type Batch struct {
	Job     *bus.JobRecord
	Step    int
	Letters int
	sheaves map[bus.DeadKey]*sheaf
}

// Batches gathers the letters in the scope that want picks, by job and step in the plan's
// order.
func (s *Store) Batches(ctx context.Context, scope Scope, want func(*Letter) (bool, error)) ([]*Batch, error) {
	type origin struct {
		job  recipe.JobID
		step int
	}
	found := map[origin]*Batch{}
	var all []*Batch
	err := s.Each(ctx, scope, func(l *Letter) error {
		if picked, err := want(l); !picked || err != nil {
			return err
		}
		b := found[origin{l.Job, l.key.Step}]
		if b == nil {
			b = &Batch{Job: l.job, Step: l.key.Step, sheaves: map[bus.DeadKey]*sheaf{}}
			found[origin{l.Job, l.key.Step}] = b
			all = append(all, b)
		}
		if b.sheaves[l.key] == nil {
			b.sheaves[l.key] = &sheaf{key: l.key}
		}
		b.sheaves[l.key].indexes = append(b.sheaves[l.key].indexes, l.index)
		b.Letters++
		return nil
	})
	slices.SortStableFunc(all, func(a, b *Batch) int {
		return cmp.Or(a.Job.Started.Compare(b.Job.Started), cmp.Compare(a.Step, b.Step))
	})
	return all, err
}

// Claim marks the letters of a batch as those of a replay. The marks count from when the
// replay's job record is stored.
func (s *Store) Claim(ctx context.Context, b *Batch, child recipe.JobID) error {
	names := bus.Names{Job: b.Job.Job}
	pub, err := s.conn.NewPublisher()
	if err != nil {
		return err
	}
	defer pub.Close()
	for _, f := range b.sorted() {
		subject := names.Replayed(f.key)
		one, seq := mark{}, uint64(0)
		m, err := s.conn.Last(ctx, names.State(), subject)
		switch {
		case errors.Is(err, bus.ErrNotFound):
		case err != nil:
			return err
		default:
			seq = m.Seq
			if err := json.Unmarshal(m.Data, &one); err != nil {
				return fmt.Errorf("the mark %s is malformed", subject)
			}
		}
		for _, i := range f.indexes {
			one[i] = child
		}
		data, err := json.Marshal(one)
		if err != nil {
			return err
		}
		if out := pub.PutSync(ctx, bus.Put{Subject: subject, Data: data, ExpectSubjectSeq: &seq}); out.Err != nil {
			return fmt.Errorf("mark dead letters of job %s: %w", b.Job.Job, out.Err)
		}
	}
	return nil
}

func (b *Batch) sorted() []*sheaf {
	return slices.SortedFunc(maps.Values(b.sheaves), func(x, y *sheaf) int { return byOrdinal(*x, *y) })
}

func byOrdinal(a, b sheaf) int { return byFrame(a.key, b.key) }

// byFrame is the order of frames on an edge, and of a frame's letters.
func byFrame(a, b bus.DeadKey) int {
	return cmp.Or(a.Ord.Compare(b.Ord), cmp.Compare(a.Part, b.Part))
}

// takenBy returns what a replay has, in the order of the frames.
func (s *Store) takenBy(ctx context.Context, parent, child recipe.JobID) ([]sheaf, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list, known := s.taken[child]; known {
		return list, nil
	}
	marks, err := s.marks(ctx, parent)
	if err != nil {
		return nil, err
	}
	var list []sheaf
	for key, one := range marks {
		f := sheaf{key: key}
		for i, who := range one {
			if who == child {
				f.indexes = append(f.indexes, i)
			}
		}
		if len(f.indexes) > 0 {
			slices.Sort(f.indexes)
			list = append(list, f)
		}
	}
	slices.SortFunc(list, byOrdinal)
	s.taken[child] = list
	return list, nil
}
