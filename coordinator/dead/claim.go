package dead

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice/coordinator"
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

// purged stands in a mark for a letter that was purged. It is no job's id.
const purged recipe.JobID = "-"

// marks reads the marks of a job's letters.
func (s *Store) marks(ctx context.Context, id recipe.JobID) (map[bus.DeadKey]mark, error) {
	names := bus.Names{Job: id}
	all := map[bus.DeadKey]mark{}
	err := s.conn.Scan(ctx, names.State(), names.ReplayedAll(), 0, func(m *bus.Stored) error {
		key, ok := names.ReplayedKey(m.Subject)
		one, err := parseMark(m)
		if err != nil || !ok {
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

func parseMark(m *bus.Stored) (one mark, err error) {
	err = json.Unmarshal(m.Data, &one)
	return one, err
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
// replay is known as a job. A letter that another replay has by now is an error.
func (s *Store) Claim(ctx context.Context, b *Batch, child recipe.JobID) error {
	names := bus.Names{Job: b.Job.Job}
	pub, err := s.conn.NewPublisher()
	if err != nil {
		return err
	}
	defer pub.Close()
	all := b.sorted()
	for n, f := range all {
		if err := s.mark(ctx, pub, names, f, child); err != nil {
			s.release(ctx, pub, names, all[:n], child)
			return err
		}
	}
	return nil
}

// release takes the marks back of a replay that will not be. One that stays is taken over when
// its time is up.
func (s *Store) release(ctx context.Context, pub *bus.Publisher, names bus.Names, sheaves []*sheaf, child recipe.JobID) {
	for _, f := range sheaves {
		one, m, err := s.marked(ctx, names, f.key)
		if err != nil || m == nil {
			continue
		}
		maps.DeleteFunc(one, func(_ int, name recipe.JobID) bool { return name == child })
		if data, err := json.Marshal(one); err == nil {
			pub.PutSync(ctx, bus.Put{Subject: names.Replayed(f.key), Data: data, ExpectSubjectSeq: &m.Seq})
		}
	}
}

// mark writes a name into the mark of a message, where no other has the letters.
func (s *Store) mark(ctx context.Context, pub *bus.Publisher, names bus.Names, f *sheaf, name recipe.JobID) error {
	one, m, err := s.marked(ctx, names, f.key)
	if err != nil {
		return err
	}
	seq := uint64(0)
	if m != nil {
		seq = m.Seq
		if err := s.free(names.Job, one, f.indexes, m.Time, name); err != nil {
			return err
		}
	}
	for _, i := range f.indexes {
		one[i] = name
	}
	data, err := json.Marshal(one)
	if err != nil {
		return err
	}
	out := pub.PutSync(ctx, bus.Put{Subject: names.Replayed(f.key), Data: data, ExpectSubjectSeq: &seq})
	if errors.Is(out.Err, bus.ErrConflict) {
		return coordinator.Faultf(coordinator.Changed, "dead letters of job %s are being replayed or purged by somebody else", names.Job)
	}
	if out.Err != nil {
		return fmt.Errorf("mark dead letters of job %s: %w", names.Job, out.Err)
	}
	return nil
}

// marked reads the mark of a message; the stored one is nil when there is none.
func (s *Store) marked(ctx context.Context, names bus.Names, key bus.DeadKey) (mark, *bus.Stored, error) {
	one := mark{}
	m, err := s.conn.Latest(ctx, names.State(), names.Replayed(key))
	if errors.Is(err, bus.ErrNotFound) {
		return one, nil, nil
	}
	if err == nil && json.Unmarshal(m.Data, &one) != nil {
		err = fmt.Errorf("the mark %s is malformed", names.Replayed(key))
	}
	return one, m, err
}

// free refuses letters that a replay has, or may soon have. To purge what a replay had is
// fine: whoever purges has seen that it ended.
func (s *Store) free(parent recipe.JobID, one mark, indexes []int, at time.Time, name recipe.JobID) error {
	for _, i := range indexes {
		other := one[i]
		if other == "" || other == name {
			continue
		}
		if other == purged {
			return coordinator.Faultf(coordinator.Changed, "dead letters of job %s were purged meanwhile", parent)
		}
		has, known := s.holds(parent, other)
		switch {
		case has && name != purged:
			return coordinator.Faultf(coordinator.Conflict, "dead letters of job %s are replayed by job %s", parent, other)
		case !known && time.Since(at) < s.stands:
			return &coordinator.Fault{Family: coordinator.Conflict, Text: fmt.Sprintf("dead letters of job %s are being taken by another replay", parent),
				Hint: fmt.Sprintf("try again in %s", s.stands)}
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

// maxTaken bounds the replays whose letters are kept in memory.
const maxTaken = 64

// takenBy returns what a replay has, in the order of the frames.
func (s *Store) takenBy(ctx context.Context, parent, child recipe.JobID) ([]sheaf, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list, known := s.taken[child]; known {
		return list, nil
	}
	if len(s.taken) >= maxTaken {
		clear(s.taken)
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
