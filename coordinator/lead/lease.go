package lead

import (
	"context"
	"crypto/rand"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
)

// Lease says who leads. Nobody compares clocks: who wants to lead waits until it has seen no
// beat for the lease's time, unless it sees that the process which leads is gone.
type Lease struct {
	Leader string `json:"leader"` // "" when it was given up
	Beat   uint64 `json:"beat"`
	Holder holder `json:"holder,omitzero"`
}

// leaseKey is the one record of the table of leases.
const leaseKey = "leader"

// lease is the right to lead.
type lease struct {
	table store.Table[Lease]
	name  string // of this coordinator, and of this start of it
	self  holder
	time  time.Duration // without a beat for so long, another takes over
	term  uint64        // of this leadership: higher than those of all before it
	rec   Lease
	rev   uint64
}

func newLease(table store.Table[Lease], name string, d time.Duration) *lease {
	return &lease{table: table, name: name + "-" + rand.Text()[:8], self: self(), time: d}
}

// acquire waits until nobody leads, and leads. It returns false when ctx ended before.
func (l *lease) acquire(ctx context.Context) bool {
	var seen Lease
	since := time.Now()
	for {
		cur, rev, err := l.table.Read(ctx, leaseKey)
		if coordinator.FamilyOf(err) == coordinator.Unknown {
			cur, err = &Lease{}, nil
		}
		if err == nil {
			if *cur != seen {
				seen, since = *cur, time.Now()
			}
			// It may be its own still: no beat got through, or the answer to this was lost.
			if cur.Leader == "" || cur.Leader == l.name || time.Since(since) > l.time || cur.Holder.gone(l.self) {
				l.rec = Lease{Leader: l.name, Beat: cur.Beat + 1, Holder: l.self}
				take, cancel := context.WithTimeout(ctx, l.time/3)
				l.rev, err = l.table.Update(take, leaseKey, &l.rec, rev)
				if cancel(); err == nil {
					l.term = l.rec.Beat
					return true
				}
			}
		}
		if !pause(ctx, l.time/20) {
			return false
		}
	}
}

// hold beats until ctx ends, or until another leads or no beat got through for two thirds of the
// lease's time: then it returns too.
func (l *lease) hold(ctx context.Context) {
	last := time.Now()
	for pause(ctx, l.time/6) {
		next := l.rec
		next.Beat++
		beat, cancel := context.WithTimeout(ctx, l.time/6)
		rev, err := l.table.Update(beat, leaseKey, &next, l.rev)
		cancel()
		if coordinator.FamilyOf(err) == coordinator.Changed { // perhaps by a beat of this one, whose answer was lost
			var cur *Lease
			if cur, rev, err = l.table.Read(ctx, leaseKey); err == nil {
				if cur.Leader != l.name {
					return
				}
				next = *cur
			}
		}
		switch {
		case err == nil:
			l.rec, l.rev, last = next, rev, time.Now()
		case time.Since(last) > l.time*2/3:
			return
		}
	}
}

// release gives the lease up, for another to lead at once.
func (l *lease) release(ctx context.Context) {
	_, _ = l.table.Update(ctx, leaseKey, &Lease{Beat: l.rec.Beat + 1}, l.rev)
}

// pause waits, and returns false when ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
