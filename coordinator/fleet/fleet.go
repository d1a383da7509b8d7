package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// Bounds of what is kept of what workers say.
const (
	maxWorkers = 10_000
	maxKinds   = 4096
)

// lookEvery is how often it is looked who was not heard any more.
const lookEvery = 250 * time.Millisecond

// askWithin bounds the question to the server whether a worker is gone.
const askWithin = 2 * time.Second

// Config says whose workers to know.
type Config struct {
	Conn *bus.Conn
	// Catalogue are the kinds of this build. They are known without being announced, and what
	// workers say of them changes nothing.
	Catalogue *nodes.Catalogue
	// Emit takes the events of workers that come and leave, and of what printers print; it must
	// not block. Every
	// coordinator sees the same: Leads says whether it is this one that tells. Nil tells nobody.
	Emit     func(coordinator.Event)
	Leads    func() bool // nil: always
	Replicas int         // of the streams; 0 is 1
	Project  string      // as the backlog names it
	Log      hclog.Logger
}

// Fleet is the view of a project's workers. All methods may be called from any goroutine.
type Fleet struct {
	cfg   Config
	log   hclog.Logger
	stops []func()
	done  chan struct{} // closed when nobody looks any more

	backlog backlog

	mu        sync.Mutex
	workers   map[string]*present // by name; guarded by mu, as all below
	kinds     map[coordinator.KindVersion]bool
	latest    map[string]*nodes.Kind // of kinds that this build does not have: the highest version
	catalogue *nodes.Catalogue       // nil when it is to be made anew
	changed   []func()
	changes   uint64    // counts what changed of who serves what
	away      time.Time // when the server was last known to be out of reach
	opened    bool      // what was stored before is read: words are news now
}

// present is a worker that is here.
type present struct {
	coordinator.Worker
	beat  time.Duration
	heard time.Time // by this process's clock
	seq   uint64    // of its last word
	first time.Time // of its first word behind this start, by the server's clock
	twice bool      // another one of that name goes on, and that was told
	start string    // tells it from others of that name; "" from builds that don't say
	since uint64    // sequence of its first word behind this start
	lost  bool      // it was not heard for three beats: whoever else of that name is heard has its place
}

// same reports whether two words are of one start.
func (w *present) same(old *present) bool {
	return w.start == old.start && (w.start != "" || w.Started.Equal(old.Started))
}

// before reports whether a word is of a start before that of old. The server's order of their first
// words says so: a clock may be put back between two starts.
func (w *present) before(old *present) bool {
	switch {
	case old.lost || w.same(old):
		return false
	case w.start == "":
		return w.Started.Before(old.Started)
	}
	return w.since < old.since
}

// Open makes the streams where they are missing, reads who is there, and follows until Close.
func Open(ctx context.Context, c Config) (*Fleet, error) {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.Catalogue == nil {
		c.Catalogue, _ = nodes.NewCatalogue()
	}
	if err := c.Conn.EnsureFleet(ctx, c.Replicas); err != nil {
		return nil, err
	}
	f := &Fleet{cfg: c, log: c.Log, done: make(chan struct{}), workers: map[string]*present{}, kinds: map[coordinator.KindVersion]bool{},
		latest: map[string]*nodes.Kind{}, catalogue: c.Catalogue}
	f.backlog.active, f.backlog.wanted = map[recipe.JobID][]queue{}, map[*recipe.Plan]wanted{}
	for _, k := range c.Catalogue.All() {
		f.kinds[coordinator.KindVersion{Kind: k.Kind, Version: k.Version}] = true
	}
	if err := f.listen(ctx); err != nil {
		f.stop()
		return nil, err
	}
	f.mu.Lock()
	f.opened = true
	f.mu.Unlock()
	look, cancel := context.WithCancel(context.Background())
	f.stops = append(f.stops, cancel)
	go f.watch(look)
	return f, nil
}

// listen follows all that the view is made of.
func (f *Fleet) listen(ctx context.Context) error {
	if err := f.cfg.Conn.EnsureJobs(ctx, f.cfg.Replicas); err != nil {
		return err
	}
	if err := f.follow(ctx, bus.KindsStream, f.announced); err != nil {
		return err
	}
	if err := f.follow(ctx, bus.JobsStream, f.recorded); err != nil {
		return err
	}
	if err := f.follow(ctx, bus.WorkersStream, f.heard); err != nil {
		return err
	}
	unsubscribe, err := f.cfg.Conn.Subscribe(bus.Consoles, f.printed)
	if err == nil {
		f.stops = append(f.stops, unsubscribe)
	}
	return err
}

// follow reads what a stream holds, and then all that comes.
func (f *Fleet) follow(ctx context.Context, stream string, take func(*bus.Stored)) error {
	state, err := f.cfg.Conn.StreamState(ctx, stream)
	if err != nil {
		return err
	}
	last := state.Last
	err = f.cfg.Conn.Scan(ctx, stream, "", 0, func(m *bus.Stored) error {
		last = max(last, m.Seq)
		take(m)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the fleet: %w", err)
	}
	stop, err := f.cfg.Conn.Tail(context.WithoutCancel(ctx), stream, "", last+1, take)
	if err != nil {
		return fmt.Errorf("follow the fleet: %w", err)
	}
	f.stops = append(f.stops, stop)
	return nil
}

// Close ends the following.
func (f *Fleet) Close() {
	f.stop()
	<-f.done
}

func (f *Fleet) stop() {
	for _, stop := range f.stops {
		stop()
	}
}

// Changed adds a function that is called when workers came, left or serve something else, and
// when a kind was announced. It must not block, and not call back.
func (f *Fleet) Changed(g func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = append(f.changed, g)
}

// Workers returns who is here now, by name, and who is lost and was not dropped yet.
func (f *Fleet) Workers() []coordinator.Worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]coordinator.Worker, 0, len(f.workers))
	for _, w := range f.workers {
		all = append(all, f.shown(w))
	}
	slices.SortFunc(all, func(a, b coordinator.Worker) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Worker returns the worker of that name, coordinator.Unknown when none is here.
func (f *Fleet) Worker(name string) (coordinator.Worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.workers[name]; w != nil {
		return f.shown(w), nil
	}
	return coordinator.Worker{}, coordinator.Faultf(coordinator.Unknown, "no such worker: %s", name)
}

// shown is a worker with what this coordinator knows of it: it is lost by the server's clock as soon as
// its time is over, however long it is waited for where a start or an outage gave it more.
func (f *Fleet) shown(w *present) coordinator.Worker {
	k := w.Worker
	k.Lost = f.cfg.Conn.Connected() && f.cfg.Conn.Age(k.Seen) > bus.BeatsToLive*w.beat
	return k
}

// heard takes a worker's word.
func (f *Fleet) heard(m *bus.Stored) {
	var rec bus.WorkerRecord
	if err := bus.DecodeRecord(m.Data, &rec); err != nil || m.Subject != bus.WorkerSubject(rec.Name) || rec.Beat <= 0 {
		f.log.Warn("a worker's announcement makes no sense", "subject", m.Subject, "err", err)
		return
	}
	w := &present{Worker: of(&rec, m.Time), beat: rec.Beat, heard: time.Now(), seq: m.Seq, first: m.Time,
		start: rec.Start, since: cmp.Or(rec.Since, m.Seq)}
	f.mu.Lock()
	old, before := f.workers[rec.Name], !f.opened
	switch {
	case old != nil && w.before(old): // the last words of one that was here before
		twice := !rec.Left && m.Time.Sub(old.first) > bus.BeatsToLive*rec.Beat && !old.twice
		old.twice = old.twice || twice
		f.mu.Unlock()
		if twice {
			f.tell(coordinator.LevelWarning, &old.Worker, fmt.Sprintf("is there twice, as process %d on %s and %d on %s: give each a name of its own", old.PID, old.Host, rec.PID, rec.Host))
		}
		return
	case rec.Left:
		delete(f.workers, rec.Name)
	case old == nil && len(f.workers) >= maxWorkers:
		f.mu.Unlock()
		f.log.Error("there are too many workers to know them all", "most", maxWorkers)
		return
	default:
		if old != nil && w.same(old) {
			w.first, w.since, w.twice = old.first, old.since, old.twice
		}
		f.workers[rec.Name] = w
	}
	f.mu.Unlock()
	switch {
	case rec.Left && old != nil:
		f.tell(coordinator.LevelInfo, &old.Worker, "has left")
	case rec.Left:
	case old == nil && before:
		f.log.Info("worker was here before this start", "worker", rec.Name, "last", f.cfg.Conn.Age(m.Time).Round(time.Second).String()+" ago")
		f.call()
	case old == nil:
		f.tell(coordinator.LevelInfo, &w.Worker, "has joined")
	case !w.same(old):
		f.tell(coordinator.LevelInfo, &w.Worker, "was started again")
	case !old.Draining && w.Draining:
		f.tell(coordinator.LevelInfo, &w.Worker, "drains")
	case len(rec.Refused) > len(old.Refused):
		r := rec.Refused[len(rec.Refused)-1]
		f.tellOf(r.Job, coordinator.LevelWarning, &w.Worker, fmt.Sprintf("leaves job %s to others: %s", r.Job, r.Why))
	case !sameOffer(&old.Worker, &w.Worker):
		f.call()
	}
}

// of is a worker as it says of itself.
func of(rec *bus.WorkerRecord, at time.Time) coordinator.Worker {
	w := coordinator.Worker{Name: rec.Name, Host: rec.Host, PID: rec.PID, Version: rec.Version, Started: rec.Started, Pool: rec.Pool,
		Concurrency: rec.Concurrency, Gates: rec.Gates, Frames: rec.Formats.Frames, Plans: rec.Formats.Plans, Key: rec.Key, Jobs: rec.Jobs,
		Busy: rec.Busy, NoRoot: rec.NoRoot, Draining: rec.Draining, Seen: at, Kinds: make([]coordinator.KindVersion, len(rec.Kinds))}
	for i, k := range rec.Kinds {
		w.Kinds[i] = coordinator.KindVersion(k)
	}
	for _, r := range rec.Refused {
		w.Refused = append(w.Refused, coordinator.RefusedJob(r))
	}
	return w
}

// sameOffer reports whether a worker serves what it did.
func sameOffer(a, b *coordinator.Worker) bool {
	return a.Pool == b.Pool && a.Gates == b.Gates && slices.Equal(a.Kinds, b.Kinds) && slices.Equal(a.Frames, b.Frames) && slices.Equal(a.Plans, b.Plans)
}

// watch drops the workers that were not heard for three beats. While the server is out of reach
// nobody can be heard, and nobody is dropped; then everybody has those beats again.
func (f *Fleet) watch(ctx context.Context) {
	defer close(f.done)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, w := range f.silent() {
			f.miss(ctx, w)
		}
	}
}

// miss drops a worker that was not heard, when the server has nothing new of it either: what
// follows a stream may be behind, or deaf where a server has lost the end of it. What is new may be
// of another start, which has its place then.
func (f *Fleet) miss(ctx context.Context, w *present) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	m, err := f.cfg.Conn.Last(ctx, bus.WorkersStream, bus.WorkerSubject(w.Name))
	switch {
	case err == nil && m.Seq != w.seq:
		f.mu.Lock()
		w.lost = true
		f.mu.Unlock()
		f.heard(m)
		return
	case err != nil && !errors.Is(err, bus.ErrNotFound):
		f.log.Debug("whether a worker is gone is not known", "worker", w.Name, "err", err)
		return
	}
	f.mu.Lock()
	gone := f.workers[w.Name] == w
	if gone {
		delete(f.workers, w.Name)
	}
	f.mu.Unlock()
	if gone {
		f.tell(coordinator.LevelWarning, &w.Worker, fmt.Sprintf("was not heard for %s and is taken for gone", bus.BeatsToLive*w.beat))
	}
}

// silent returns who was not heard for three beats.
func (f *Fleet) silent() (silent []*present) {
	now, there := time.Now(), f.cfg.Conn.Connected()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !there {
		f.away = now
	}
	for _, w := range f.workers {
		if last := max(f.away.UnixNano(), w.heard.UnixNano()); there && now.UnixNano()-last > int64(bus.BeatsToLive*w.beat) {
			silent = append(silent, w)
		}
	}
	return silent
}

// tell makes an event of what became of a worker, where this coordinator is the one that does.
// The worker is told of as it is known last: the event of one that has left says what it served.
func (f *Fleet) tell(level coordinator.Level, w *coordinator.Worker, what string) {
	f.tellOf("", level, w, what)
}

// tellOf is tell of what is one job's affair; "" is none's. The id is the worker's word.
func (f *Fleet) tellOf(job recipe.JobID, level coordinator.Level, w *coordinator.Worker, what string) {
	if (&coordinator.EventFilter{Job: job}).Check() != nil {
		job = ""
	}
	f.log.Info("worker "+what, "worker", w.Name)
	if f.tells() {
		f.cfg.Emit(coordinator.Event{Job: job, Type: coordinator.EventWorker, Level: level, At: time.Now().UTC(), Text: "worker " + w.Name + " " + what, Data: *w})
	}
	f.call()
}

// tells reports whether this coordinator is the one that makes events.
func (f *Fleet) tells() bool { return f.cfg.Emit != nil && (f.cfg.Leads == nil || f.cfg.Leads()) }

func (f *Fleet) call() {
	f.mu.Lock()
	f.changes++
	calls := slices.Clone(f.changed)
	f.mu.Unlock()
	for _, g := range calls {
		g()
	}
}
