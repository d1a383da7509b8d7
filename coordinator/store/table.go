package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// Table is one sort of record. Keys are made of letters, digits, - and _, with dots between
// parts.
type Table[T any] struct {
	c    *Control
	name string
	part string // what its keys begin with in the store, with the dot behind it
}

// NewTable returns a table of a control plane. Its name is also what errors call a record.
func NewTable[T any](c *Control, name string) Table[T] { return Table[T]{c: c, name: name} }

// jobPart begins the keys of the records of jobs. No key that a user chooses does, so that what all
// tables have of such a key is of one job.
const jobPart = "_."

// jobTable returns a table of records of jobs, see [Table.updateAmong].
func jobTable[T any](c *Control, name string) Table[T] {
	return Table[T]{c: c, name: name, part: jobPart}
}

func (t Table[T]) subject(key string) string { return prefix + t.name + "." + t.part + key }

// View calls f, one at a time, with every record as it is stored and changed; v is nil for one
// that was removed. It is called before [Control.Follow]; f must not write.
func (t Table[T]) View(f func(key string, v *T, ch Change)) {
	t.c.view(t.name, func(ch Change) {
		key, own := strings.CutPrefix(ch.Key, t.part)
		if !own {
			return
		}
		ch.Key = key
		if ch.Data == nil {
			f(ch.Key, nil, ch)
			return
		}
		v := new(T)
		if err := bus.DecodeRecord(ch.Data, v); err != nil {
			t.c.log.Error("a record does not decode", "table", t.name, "key", ch.Key, "err", err)
			return
		}
		f(ch.Key, v, ch)
	})
}

// Read returns a record as the store has it now, and its revision. A coordinator.Unknown says
// that there is none; the revision is then that of its removal, or 0.
func (t Table[T]) Read(ctx context.Context, key string) (v *T, rev uint64, err error) {
	m, err := t.c.conn.Latest(ctx, Stream, t.subject(key))
	if err != nil {
		return nil, 0, faultOf(err, t.name, key)
	}
	if len(m.Data) == 0 {
		return nil, m.Seq, faultOf(bus.ErrNotFound, t.name, key)
	}
	v = new(T)
	if err := bus.DecodeRecord(m.Data, v); err != nil {
		return nil, m.Seq, fmt.Errorf("read %s %s: %w", t.name, key, err)
	}
	return v, m.Seq, nil
}

// Create writes a record that must not exist; where it does, the fault is coordinator.Changed.
// One that was removed may be written again.
func (t Table[T]) Create(ctx context.Context, key string, v *T) (rev uint64, err error) {
	rev, err = t.Update(ctx, key, v, 0)
	if coordinator.FamilyOf(err) != coordinator.Changed {
		return rev, err
	}
	_, at, rerr := t.Read(ctx, key)
	if coordinator.FamilyOf(rerr) != coordinator.Unknown || at == 0 {
		return 0, err
	}
	return t.Update(ctx, key, v, at)
}

// putFor is how long one try of a write waits for its answer: one that comes while a cluster
// elects is answered by nobody.
const putFor = 2 * time.Second

// Update writes a record over the revision rev of it, and returns when this coordinator sees
// the change. Somebody else's change in between is the fault coordinator.Changed. Where no
// answer came, the record is read back: a write that got through is no fault, and one that did
// not is tried again until ctx ends, for changeFor at most.
func (t Table[T]) Update(ctx context.Context, key string, v *T, rev uint64) (uint64, error) {
	return t.update(ctx, key, v, rev, "")
}

// updateAmong is Update where rev is the latest revision among the records of one job, which
// jobTables have: a change of any of them is the fault coordinator.Changed.
func (t Table[T]) updateAmong(ctx context.Context, key string, v *T, rev uint64) (uint64, error) {
	return t.update(ctx, key, v, rev, prefix+"*."+jobPart+key)
}

func (t Table[T]) update(ctx context.Context, key string, v *T, rev uint64, of string) (uint64, error) {
	data, err := bus.EncodeRecord(v)
	if err != nil {
		return 0, faultOf(err, t.name, key)
	}
	ctx, cancel := context.WithTimeout(ctx, changeFor)
	defer cancel()
	for unsure := false; ; {
		try, done := context.WithTimeout(ctx, putFor)
		seq, err := t.put(ctx, try, key, bus.Put{Data: data, ExpectSubjectSeq: &rev, ExpectOf: of})
		done()
		timedOut, lost := errors.Is(err, bus.ErrTimeout), unsure && coordinator.FamilyOf(err) == coordinator.Changed
		switch {
		case seq > 0, err == nil, ctx.Err() != nil:
			return seq, err
		case errors.Is(err, bus.ErrNoStream): // no leader took it
			continue
		case !timedOut && !lost:
			return 0, err
		}
		m, rerr := t.c.conn.Latest(ctx, Stream, t.subject(key))
		if rerr == nil && m.Seq > rev && string(m.Data) == string(data) {
			return m.Seq, t.c.Seen(ctx, m.Seq)
		}
		unsure = true
		if !timedOut || rerr != nil && !errors.Is(rerr, bus.ErrNotFound) {
			return 0, err
		}
	}
}

// put stores a record and waits until it is seen here. The put says what is expected; where it is
// stored is filled in. The answer is waited for until try ends, and that it is seen until ctx does.
func (t Table[T]) put(ctx, try context.Context, key string, put bus.Put) (uint64, error) {
	put.Subject, put.Stream = t.subject(key), Stream
	out := t.c.pub.PutSync(try, put)
	for tries := 0; notNow(out.Err) && tries < busyTries && try.Err() == nil; tries++ {
		select { // who was first is known in a moment: a refusal then says that a record is there
		case <-time.After(busyWait):
		case <-try.Done():
		}
		out = t.c.pub.PutSync(try, put)
	}
	if out.Err != nil {
		return 0, faultOf(out.Err, t.name, key)
	}
	return out.Seq, t.c.Seen(ctx, out.Seq)
}

// Remove removes a record over the revision rev of it. Its mark stays for
// Config.Marks.
//
// There are two marks: a server of one replica that is killed finds again what the last message of a
// subject had replaced, where that one's time is over. So the one with a time replaces a mark, and
// not the record.
func (t Table[T]) Remove(ctx context.Context, key string, rev uint64) error {
	_, err := t.Mark(ctx, key, rev)
	return err
}

// Mark is Remove, and returns the revision of the mark, over which the record can be written again by
// Update. With an error it is the first one's, or 0 where it is not known whether there is any.
func (t Table[T]) Mark(ctx context.Context, key string, rev uint64) (mark uint64, err error) {
	first, err := t.put(ctx, ctx, key, bus.Put{ExpectSubjectSeq: &rev})
	if err != nil {
		return first, err
	}
	second, err := t.put(ctx, ctx, key, bus.Put{ExpectSubjectSeq: &first, TTL: t.c.marks})
	if coordinator.FamilyOf(err) == coordinator.Changed { // it is written anew
		return first, nil
	}
	return max(first, second), err
}

// Change reads a record, lets f change it and writes it back, again when somebody was faster,
// for at most changeFor. A record that does not exist is the zero value. An error of f ends it.
func (t Table[T]) Change(ctx context.Context, key string, f func(v *T) error) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, changeFor)
	defer cancel()
	for {
		v, rev, err := t.Read(ctx, key)
		if coordinator.FamilyOf(err) == coordinator.Unknown {
			v, err = new(T), nil
		}
		if err == nil {
			err = f(v)
		}
		if err != nil {
			return 0, err
		}
		seq, err := t.Update(ctx, key, v, rev)
		if coordinator.FamilyOf(err) != coordinator.Changed || ctx.Err() != nil {
			return seq, err
		}
	}
}

// changeFor is above the time in which a cluster elects a new leader.
const changeFor = 15 * time.Second

// Stored returns the keys of a table's records as the store has them, with their revisions and when
// they were written, and without what they hold.
func (t Table[T]) Stored(ctx context.Context) (all []Change, err error) {
	at := t.subject("")
	err = t.c.conn.Scan(ctx, Stream, at+">", 0, func(m *bus.Stored) error {
		if len(m.Data) > 0 {
			all = append(all, Change{Key: strings.TrimPrefix(m.Subject, at), Rev: m.Seq, At: m.Time})
		}
		return nil
	})
	if err != nil {
		return nil, unanswered(err)
	}
	return all, nil
}
