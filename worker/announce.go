package worker

import (
	"cmp"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// Announcement makes a worker one of a cluster: it tells the coordinators of itself, and of
// the kinds that it serves.
type Announcement struct {
	Host    string
	Version string        // of the build
	Key     []byte        // public key to which secrets are sealed for this worker
	Beat    time.Duration // how often; 0 is DefaultBeat. It is gone after three without a word
}

// DefaultBeat makes a dead worker known within 15 s: longer than it takes a cluster of servers
// to elect a leader, meanwhile no beat is stored.
const DefaultBeat = 5 * time.Second

// announceAgain is when an announcement is tried again that was not stored, and the least time
// between two that are made because something changed.
const announceAgain = time.Second

// maxRefused bounds the jobs that an announcement names as refused.
const maxRefused = 16

// announcer tells of the worker. Run's goroutine uses it, but for what is atomic.
type announcer struct {
	w       *Worker
	pub     *bus.Publisher
	started time.Time
	start   string        // tells this start from others of the same name
	since   atomic.Uint64 // sequence of the first word that was stored
	tick    *time.Ticker
	beat    time.Duration
	kinds   []said
	due     chan struct{} // something is to be said before the next beat
	soon    *time.Timer
}

// said is a kind that is served, and whether the coordinators know it.
type said struct {
	put    bus.Put
	kind   bus.KindVersion
	stored atomic.Bool
}

// announcer returns nil for a worker that tells nobody.
func (w *Worker) announcer() (*announcer, error) {
	c := w.cfg.Announce
	if c == nil {
		return nil, nil
	}
	a := &announcer{w: w, started: time.Now().UTC(), start: rand.Text(), beat: cmp.Or(c.Beat, DefaultBeat), due: make(chan struct{}, 1)}
	for _, k := range w.cfg.Catalogue.All() {
		if !w.chosen(&recipe.Step{Kind: k.Kind, Version: k.Version, Role: roleOf(k)}) {
			continue
		}
		text, err := k.Announce()
		if err != nil {
			return nil, err
		}
		v := bus.KindVersion{Kind: k.Kind, Version: k.Version}
		a.kinds = append(a.kinds, said{kind: v, put: bus.Put{Subject: bus.KindSubject(v, text), Data: text, Stream: bus.KindsStream}})
	}
	pub, err := w.cfg.Conn.NewPublisher()
	if err != nil {
		return nil, err
	}
	a.pub, a.tick = pub, time.NewTicker(a.beat)
	a.soon = time.AfterFunc(time.Hour, a.wake)
	return a, nil
}

// roleOf is the role that a step of the kind has, as far as the kind alone says it.
func roleOf(k *nodes.Kind) recipe.Role {
	switch k.Role {
	case nodes.Origin:
		return recipe.RoleSource
	case nodes.Ordered, nodes.Sink:
		return recipe.RoleOrdered
	}
	return recipe.RoleRelay
}

func (a *announcer) wake() {
	select {
	case a.due <- struct{}{}:
	default:
	}
}

// beats is when to tell; never for no announcer.
func (a *announcer) beats() (beat <-chan time.Time, due <-chan struct{}) {
	if a == nil {
		return nil, nil
	}
	return a.tick.C, a.due
}

// hasten has news told before the next beat is due.
func (a *announcer) hasten() {
	if a != nil {
		a.soon.Reset(announceAgain)
	}
}

// tell says how the worker is. It waits for nothing; what is not stored is said again soon.
func (a *announcer) tell() {
	if a == nil {
		return
	}
	for i := range a.kinds {
		if s := &a.kinds[i]; !s.stored.Load() {
			a.pub.Put(s.put, func(o bus.Outcome) { // full: somebody has said it
				s.stored.Store(o.Err == nil || errors.Is(o.Err, bus.ErrFull))
			})
		}
	}
	a.put(a.record(), func(o bus.Outcome) {
		if o.Err != nil {
			a.w.log.Debug("the worker's announcement was not stored", "err", o.Err)
			a.hasten()
			return
		}
		a.since.CompareAndSwap(0, o.Seq)
	})
}

func (a *announcer) put(rec *bus.WorkerRecord, done func(bus.Outcome)) {
	data, err := bus.EncodeRecord(rec)
	if err != nil {
		a.w.log.Error("the worker's announcement does not fit", "err", err)
		return
	}
	ttl := bus.WorkerTTL(a.beat)
	if rec.Left {
		ttl = time.Second
	}
	a.pub.Put(bus.Put{Subject: bus.WorkerSubject(rec.Name), Data: data, Stream: bus.WorkersStream, TTL: ttl}, done)
}

func (a *announcer) record() *bus.WorkerRecord {
	w, c := a.w, a.w.cfg.Announce
	rec := &bus.WorkerRecord{Name: w.cfg.Name, Host: c.Host, PID: os.Getpid(), Version: c.Version, Started: a.started, Start: a.start, Since: a.since.Load(),
		Pool: w.cfg.Pool, Concurrency: w.shares.compute.limit(), Busy: w.shares.busy(), Gates: w.chosen(&recipe.Step{Role: recipe.RoleGate, Kind: gateKind}),
		Formats: w.formats(), Key: c.Key, NoRoot: w.cfg.Root == nil, Draining: w.draining, Beat: a.beat}
	for i := range a.kinds {
		rec.Kinds = append(rec.Kinds, a.kinds[i].kind)
	}
	for id, j := range w.jobs {
		if j.refused != "" {
			rec.Refused = append(rec.Refused, bus.RefusedJob{Job: id, Why: j.refused})
		} else if !j.stopped {
			rec.Jobs++
		}
	}
	slices.SortFunc(rec.Refused, func(x, y bus.RefusedJob) int { return cmp.Compare(x.Job, y.Job) })
	rec.Refused = rec.Refused[:min(len(rec.Refused), maxRefused)]
	return rec
}

// leave says that the worker is gone, after all else that it had to say.
func (a *announcer) leave() {
	if a == nil {
		return
	}
	a.tick.Stop()
	a.soon.Stop()
	rec := a.record()
	rec.Left, rec.Jobs = true, 0
	said := make(chan struct{})
	a.put(rec, func(bus.Outcome) { close(said) })
	over := time.NewTimer(announceAgain)
	defer over.Stop()
	select {
	case <-said:
	case <-over.C:
	}
	a.pub.Close()
}
