package tap

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Bounds of taps, beside those of their queues.
const (
	// MaxTaps are open at the same time in a project.
	MaxTaps = 32
	// MaxFor is how long a tap lasts at most, and unless it is asked for less.
	MaxFor = time.Hour
	// maxPoints are the outputs of one tap: an included recipe may have many.
	maxPoints = 16
	// maxLarge are the records in hand at the same time, in a project, that travel by reference.
	maxLarge = 2
	// openWithin bounds the opening of one, whose context may last as long as it.
	openWithin = 15 * time.Second
)

// Jobs is what is asked of the jobs of a project.
type Jobs interface {
	Job(recipe.JobID) (coordinator.Job, error)
	Spec(context.Context, recipe.JobID) (*coordinator.Spec, error)
}

// Config says whose edges are tapped. Conn is that of the account in which the jobs run. Both must be set.
type Config struct {
	Conn *bus.Conn
	Jobs Jobs
}

// Taps are those of a project. All methods may be called from any goroutine.
type Taps struct {
	cfg   Config
	slots chan struct{} // holds one for each tap
	large chan struct{} // and one for each record in hand that travelled by reference
	over  chan struct{} // closed: all end
	end   func()
}

// New returns the taps of a project; none is open.
func New(c Config) *Taps {
	over := make(chan struct{})
	return &Taps{cfg: c, slots: make(chan struct{}, MaxTaps), large: make(chan struct{}, maxLarge), over: over, end: sync.OnceFunc(func() { close(over) })}
}

// Close ends all taps.
func (t *Taps) Close() { t.end() }

// Tap is one that is open. Its methods are for one goroutine, but Close.
type Tap struct {
	taps   *Taps
	job    recipe.JobID
	points []coordinator.TapPoint
	subs   []*bus.Tap
	queue  queue
	values *bus.Objects
	awake  bool // the job was seen neither at rest nor over
	close  func()
}

// Open taps what at names in a job's plan: NODE, NODE.PORT, an included recipe, or the id of an
// edge. The tap shows what is published from now on. The fault is coordinator.Unknown where there
// is no such job or output, Conflict where nothing will pass: the job is over or rests; OverLimit
// where too many taps are open.
func (t *Taps) Open(ctx context.Context, job recipe.JobID, at string) (*Tap, error) {
	j, err := t.cfg.Jobs.Job(job)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	spec, err := t.cfg.Jobs.Spec(ctx, job)
	if err != nil {
		return nil, err
	}
	found, err := spec.Plan.FindTaps(at, nil)
	if err != nil {
		return nil, coordinator.Faultf(coordinator.Unknown, "job %s: %w", job, err)
	}
	if err := passes(&j); err != nil { // behind that: a name that is wrong is so whatever the job does
		return nil, err
	}
	if len(found) > maxPoints {
		return nil, coordinator.Faultf(coordinator.Invalid, "job %s: %d outputs lead out of %s, a tap has at most %d: tap one of its nodes", job, len(found), at, maxPoints)
	}
	if err := t.enter(); err != nil {
		return nil, err
	}
	names := bus.Names{Job: job}
	tap := &Tap{taps: t, job: job, values: t.cfg.Conn.OpenObjects(bus.ObjectsConfig{Stream: names.Values(), Prefix: names.ValuesPrefix()})}
	tap.queue.news = make(chan struct{}, 1)
	tap.close = sync.OnceFunc(func() {
		for _, s := range tap.subs {
			s.Close()
		}
		<-t.slots
	})
	if err := tap.listen(ctx, spec.Plan, found); err != nil {
		tap.Close()
		return nil, coordinator.Faultf(coordinator.Unavailable, "job %s: %w", job, err)
	}
	return tap, nil
}

// enter counts a tap in.
func (t *Taps) enter() error {
	select {
	case <-t.over:
		return coordinator.Faultf(coordinator.Unavailable, "the coordinator ends")
	default:
	}
	select {
	case t.slots <- struct{}{}:
		return nil
	default:
		f := coordinator.Faultf(coordinator.OverLimit, "%d taps are open in this project already", MaxTaps)
		f.Hint = "close one, or ask again later"
		return f
	}
}

// listen subscribes, and returns when the server knows.
func (t *Tap) listen(ctx context.Context, plan *recipe.Plan, found []recipe.Tap) error {
	names := bus.Names{Job: t.job}
	for i, f := range found {
		e := plan.Edge(f.Edge)
		t.points = append(t.points, coordinator.TapPoint{Name: f.Name, Edge: f.Edge, Type: e.Type})
		seen := newMemory()
		sub, err := t.taps.cfg.Conn.Tap(names.Fill(e.Subject), func(data []byte) { t.queue.hear(i, seen, data) })
		if err != nil {
			return err
		}
		t.subs = append(t.subs, sub)
	}
	return t.taps.cfg.Conn.Flush(ctx)
}

// Points are the outputs that are tapped, at least one.
func (t *Tap) Points() []coordinator.TapPoint { return t.points }

// Close ends the tap. It may be called more than once, and from any goroutine.
func (t *Tap) Close() { t.close() }

// missed puts into the queue what the subscriptions did not hear.
func (t *Tap) missed() {
	for _, s := range t.subs {
		n, unknown := s.Missed()
		t.queue.leave(coordinator.TapGap{Frames: n, Unknown: unknown})
	}
}

// drain ends the subscriptions behind what was published before now.
func (t *Tap) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	for _, s := range t.subs {
		if err := s.Drain(ctx); err != nil && !errors.Is(err, bus.ErrClosed) {
			t.queue.leave(coordinator.TapGap{Unknown: true})
		}
	}
}

// passes says what is in the way of a job's frames; nil where some may come.
func passes(j *coordinator.Job) error {
	why := over(j)
	if why == "" {
		return nil
	}
	f := coordinator.Faultf(coordinator.Conflict, "nothing passes: job %s is %s", j.ID, j.State)
	if f.Hint = "resume it"; why == coordinator.TapJobOver {
		f.Hint = "its results, where it has some, can be read"
	}
	return f
}

// over says why nothing will pass in a job as it is, "" where something may. One that rests and
// is to go on will.
func over(j *coordinator.Job) coordinator.TapReason {
	switch {
	case j.State.Final():
		return coordinator.TapJobOver
	case j.State.AtRest() && j.Want != coordinator.WantRun:
		return coordinator.TapAtRest
	}
	return ""
}
