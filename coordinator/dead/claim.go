package dead

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// sheaf is the letters that a replay takes of those of one message.
type sheaf struct {
	key     bus.DeadKey
	indexes []int // sorted
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
// replay is known as a job. A letter that another replay has by now is an error, and then
// none is marked.
func (s *Store) Claim(ctx context.Context, b *Batch, child recipe.JobID) error {
	err := s.mark(ctx, bus.Names{Job: b.Job.Job}, b.sorted(), child)
	if err != nil {
		s.release(ctx, b, child)
	}
	return err
}

// claimKeyed is Claim for a replay whose request may come twice at the same moment: what was
// marked stays, since the other has marked it too, or will when it comes again.
func (s *Store) claimKeyed(ctx context.Context, b *Batch, child recipe.JobID) error {
	return s.mark(ctx, bus.Names{Job: b.Job.Job}, b.sorted(), child)
}

// releaseWithin bounds how long marks are taken back, whatever became of who asked.
const releaseWithin = 10 * time.Second

// release takes the marks back of a replay that will not be. One that stays is taken over when
// its time is up.
func (s *Store) release(ctx context.Context, b *Batch, child recipe.JobID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	names := bus.Names{Job: b.Job.Job}
	now, err := s.marks(ctx, names.Job)
	if err != nil {
		return
	}
	var back []marking
	for key, was := range now {
		if maps.DeleteFunc(was.mark, func(_ int, name recipe.JobID) bool { return name == child }); len(was.mark) < was.letters {
			back = append(back, marking{names.Replayed(key), was})
		}
	}
	_ = s.write(ctx, back)
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
		for i, who := range one.mark {
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
