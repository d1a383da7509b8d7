package events

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// Stream is the stream of a project's events.
const Stream = "SLUICE_EVENTS"

// Defaults of [Config].
const (
	DefaultPerSubject = 256
	DefaultMaxAge     = 7 * 24 * time.Hour
	DefaultMaxBytes   = 64 << 20
	DefaultQueue      = 1024
	DefaultBuffer     = 256
)

const (
	leastBytes  = 1 << 20         // that a store must have room for
	maxViewers  = 4096            // subscriptions of a project
	maxReplays  = 4               // that read the stream at the same time
	flushWithin = 2 * time.Second // what is queued when the log is closed

	duplicates   = time.Minute      // in which a message is known again; above all attempts of one whose answer is lost
	removeWithin = 15 * time.Second // above the time in which a cluster elects a new leader
)

// Config says where a project's events are kept, and how many. Conn must be set; zero is the
// default of each bound.
type Config struct {
	Conn       *bus.Conn
	PerSubject int           // events that are kept of each type of a job
	MaxAge     time.Duration // how long they are kept
	MaxBytes   int64         // of all events; the store reserves it. Where there is no room, a quarter or a sixteenth is taken
	Queue      int           // events that wait to be stored; beyond it the oldest of progress go first
	Buffer     int           // events that wait for a viewer; beyond it the viewer is dropped
	Replicas   int           // 0: 1
	// Serves says of a job which workers are told of among its events, that come or leave at a time;
	// a nil function is none. Nil tells of workers with no job.
	Serves func(ctx context.Context, job recipe.JobID) (func(w *coordinator.Worker, at time.Time) bool, error)
	Log    hclog.Logger
}

// Log is the events of one project. All methods may be called from any goroutine.
type Log struct {
	cfg  Config
	log  hclog.Logger
	conn *bus.Conn
	pub  *bus.Publisher
	hub  *hub
	stop func()

	queue   queue
	name    string // of this log, in the ids of its messages
	sent    atomic.Uint64
	turns   map[recipe.JobID]uint64 // owned by the loop of store
	life    context.Context
	kill    context.CancelFunc
	replays chan struct{} // holds one for each that reads the stream
	quit    chan struct{} // closed: nothing is tried again
	done    chan struct{} // closed: the storing has ended
	closing sync.Once
}

// Open makes the stream where it is missing, and follows it until Close. A stream with other
// bounds stays as it is.
func Open(ctx context.Context, c Config) (*Log, error) {
	c.fill()
	if err := ensure(ctx, &c); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	state, err := c.Conn.StreamState(ctx, Stream)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	pub, err := c.Conn.NewPublisher()
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	l := &Log{cfg: c, log: c.Log, conn: c.Conn, pub: pub, hub: newHub(state.Last), name: rand.Text(), turns: map[recipe.JobID]uint64{},
		replays: make(chan struct{}, maxReplays), quit: make(chan struct{}), done: make(chan struct{})}
	l.life, l.kill = context.WithCancel(context.WithoutCancel(ctx))
	l.queue.init(c.Queue)
	l.stop, err = c.Conn.Tail(context.WithoutCancel(ctx), Stream, "", state.Last+1, l.follow)
	if err != nil {
		pub.Close()
		return nil, fmt.Errorf("events: %w", err)
	}
	go l.store()
	return l, nil
}

func (c *Config) fill() {
	c.PerSubject = cmp.Or(c.PerSubject, DefaultPerSubject)
	c.MaxAge = cmp.Or(c.MaxAge, DefaultMaxAge)
	c.MaxBytes = cmp.Or(c.MaxBytes, DefaultMaxBytes)
	c.Queue = cmp.Or(c.Queue, DefaultQueue)
	c.Buffer = cmp.Or(c.Buffer, DefaultBuffer)
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
}

// ensure makes the stream. Events are worth less than what jobs store: where there is no room
// for all that is asked, less will do.
func ensure(ctx context.Context, c *Config) error {
	for size := c.MaxBytes; ; size /= 4 {
		err := c.Conn.EnsureStream(ctx, bus.StreamConfig{Name: Stream, Subjects: []string{prefix + ">"}, MaxMsgsPerSubject: int64(c.PerSubject),
			MaxAge: c.MaxAge, Duplicates: min(duplicates, c.MaxAge), MaxBytes: size, Replicas: c.Replicas, AllowDirect: true, AllowRollup: true})
		switch {
		case errors.Is(err, bus.ErrDiffers):
			c.Log.Warn("the stream of events has other bounds than are asked for; they stay", "stream", Stream)
			return nil
		case errors.Is(err, bus.ErrStore) && size/4 >= leastBytes && size > c.MaxBytes/16:
			c.Log.Warn("the store has no room for all events that are asked for", "bytes", size, "err", err)
		default:
			return err
		}
	}
}

// follow passes on what was stored, by this coordinator or another.
func (l *Log) follow(m *bus.Stored) {
	e, err := read(m)
	if err != nil {
		l.log.Error("an event does not decode", "subject", m.Subject, "err", err)
		return
	}
	l.hub.tell(e)
}

// Close stores what is queued, for at most two seconds, and ends all subscriptions with
// ErrClosed. The connection stays open.
func (l *Log) Close() {
	l.closing.Do(func() {
		l.queue.close()
		select {
		case <-l.done:
		case <-time.After(flushWithin):
		}
		close(l.quit)
		l.pub.Close()
		<-l.done
		l.stop()
		l.hub.close()
		l.kill()
	})
}

// Progress returns a job's last progress and the event that told it. Where none is stored the fault
// is coordinator.Unknown: then what the job's status has is the last.
func (l *Log) Progress(ctx context.Context, job recipe.JobID) (p recipe.Progress, told coordinator.Event, err error) {
	f := coordinator.EventFilter{Job: job, Types: []coordinator.EventType{coordinator.EventProgress}}
	if err := f.Check(); err != nil || job == "" {
		return p, told, coordinator.Faultf(coordinator.Unknown, "no such job: %.40q", string(job))
	}
	m, err := l.conn.Latest(ctx, Stream, subjects(&f))
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return p, told, coordinator.Faultf(coordinator.Unknown, "job %s has told of no progress", job)
	case err != nil:
		return p, told, coordinator.Faultf(coordinator.Unavailable, "progress of job %s: %w", job, err)
	}
	e, err := read(m)
	if err == nil && len(e.raw) == 0 {
		return p, told, coordinator.Faultf(coordinator.Unknown, "the progress of job %s is too large to be told", job)
	}
	if err == nil {
		err = json.Unmarshal(e.raw, &p)
	}
	if err != nil {
		return p, told, fmt.Errorf("progress of job %s: %w", job, err)
	}
	return p, e.Event, nil
}

// Changed returns the id of the last event that told of a job's state, 0 where none is stored.
func (l *Log) Changed(ctx context.Context, job recipe.JobID) (uint64, error) {
	f := coordinator.EventFilter{Job: job, Types: []coordinator.EventType{coordinator.EventState}}
	if err := f.Check(); err != nil {
		return 0, err
	}
	m, err := l.conn.Latest(ctx, Stream, subjects(&f))
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, coordinator.Faultf(coordinator.Unavailable, "state of job %s: %w", job, err)
	}
	e, err := read(m)
	if err != nil {
		return 0, fmt.Errorf("state of job %s: %w", job, err)
	}
	return e.ID, nil
}

// Remove removes all events of a job that is deleted, and those of it that come late.
func (l *Log) Remove(ctx context.Context, job recipe.JobID) error {
	f := coordinator.EventFilter{Job: job}
	if err := f.Check(); err != nil || job == "" {
		return coordinator.Faultf(coordinator.Unknown, "no such job: %.40q", string(job))
	}
	ctx, cancel := context.WithTimeout(ctx, removeWithin)
	defer cancel()
	if err := l.queue.forget(ctx, job); err != nil {
		return coordinator.Faultf(coordinator.Unavailable, "events of job %s: %w", job, err)
	}
	if err := l.conn.PurgeSubject(ctx, Stream, subjects(&f)); err != nil {
		return coordinator.Faultf(coordinator.Unavailable, "events of job %s: %w", job, err)
	}
	return nil
}
