package dead

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// mark is stored for a message: which replay has which letter, by its index.
type mark map[int]recipe.JobID

// purged stands in a mark for a letter that was purged. It is no job's id.
const purged recipe.JobID = "-"

// stamped is a mark as it is stored.
type stamped struct {
	mark
	letters int       // in it, as it was read
	seq     uint64    // 0 for none yet
	at      time.Time // when it was written
}

// marks reads the marks of a job's letters.
func (s *Store) marks(ctx context.Context, id recipe.JobID) (map[bus.DeadKey]stamped, error) {
	names := bus.Names{Job: id}
	all := map[bus.DeadKey]stamped{}
	err := s.conn.Scan(ctx, names.State(), names.ReplayedAll(), 0, func(m *bus.Stored) error {
		key, ok := names.ReplayedKey(m.Subject)
		var one mark
		if err := json.Unmarshal(m.Data, &one); err != nil || !ok {
			return fmt.Errorf("the mark %s is malformed", m.Subject)
		}
		all[key] = stamped{one, len(one), m.Seq, m.Time}
		return nil
	})
	if errors.Is(err, bus.ErrNoStream) {
		err = nil
	}
	return all, err
}

// mark writes a name into the marks of messages, where no other has the letters.
func (s *Store) mark(ctx context.Context, names bus.Names, sheaves []*sheaf, name recipe.JobID) error {
	now, err := s.marks(ctx, names.Job)
	if err != nil {
		return err
	}
	all := make([]marking, len(sheaves))
	for n, f := range sheaves {
		one := now[f.key]
		if err := s.free(names.Job, one, f.indexes, name); err != nil {
			return err
		}
		if one.mark == nil {
			one.mark = mark{}
		}
		for _, i := range f.indexes {
			one.mark[i] = name
		}
		all[n] = marking{names.Replayed(f.key), one}
	}
	if err := s.write(ctx, all); err != nil {
		if errors.Is(err, bus.ErrConflict) {
			return coordinator.Faultf(coordinator.Changed, "dead letters of job %s are being replayed or purged by somebody else", names.Job)
		}
		return fmt.Errorf("mark dead letters of job %s: %w", names.Job, err)
	}
	return nil
}

// free refuses letters that a replay has, or may soon have. To purge what a replay had is
// fine: whoever purges has seen that it ended.
func (s *Store) free(parent recipe.JobID, one stamped, indexes []int, name recipe.JobID) error {
	for _, i := range indexes {
		other := one.mark[i]
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
		case !known && time.Since(one.at) < s.stands:
			return &coordinator.Fault{Family: coordinator.Conflict, Text: fmt.Sprintf("dead letters of job %s are being taken by another replay", parent),
				Hint: fmt.Sprintf("try again in %s", s.stands)}
		}
	}
	return nil
}

// marking is a mark to be written over the one that was read.
type marking struct {
	subject string
	stamped
}

// marksAtOnce bounds the marks whose answers are waited for.
const marksAtOnce = 256

// write stores marks, each unless it was changed since it was read, and returns the first error;
// what is behind one may be written or not.
func (s *Store) write(ctx context.Context, all []marking) (err error) {
	pub, err := s.conn.NewPublisher()
	if err != nil {
		return err
	}
	defer pub.Close()
	answers := make(chan error, marksAtOnce)
	waits := 0
	take := func() {
		waits--
		if got := <-answers; err == nil {
			err = got
		}
	}
	for _, m := range all {
		data, fault := json.Marshal(m.mark)
		if fault != nil {
			return fault
		}
		if waits == marksAtOnce {
			take()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			break
		}
		waits++
		pub.Put(bus.Put{Subject: m.subject, Data: data, ExpectSubjectSeq: &m.seq}, func(o bus.Outcome) { answers <- o.Err })
	}
	for waits > 0 {
		take()
	}
	return err
}
