package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// Stream is the stream of a project's control plane, and prefix what its subjects begin with.
const (
	Stream = "SLUICE_CONTROL"
	prefix = "sluice.control."
)

// DefaultMarks is how long the mark of a removed record stays, for coordinators that were away,
// and so that the idempotency key of a job that was deleted makes nothing twice.
const DefaultMarks = time.Hour

// Config says where a project's control plane is kept.
type Config struct {
	Conn     *bus.Conn
	Replicas int           // 0: 1
	Marks    time.Duration // how long the marks of removed records stay, in whole seconds; 0: DefaultMarks
	Log      hclog.Logger
}

// Control is the control plane of one project. All methods may be called from any goroutine.
type Control struct {
	conn *bus.Conn
	pub  *bus.Publisher
	log  hclog.Logger
	stop func()

	marks time.Duration
	end   context.CancelFunc // of watching
	over  sync.WaitGroup

	order   sync.Mutex        // held while views are called
	known   map[string]uint64 // revisions of the records that views have, by subject; guarded by order
	halves  map[string]half   // marks that may have no time, by subject; guarded by order
	mu      sync.Mutex
	views   map[string][]func(Change) // by table; guarded by mu
	applied uint64                    // the last sequence that the views have seen; guarded by mu
	news    chan struct{}             // closed and replaced when applied grows; guarded by mu
}

// Change is a record that was written or removed.
type Change struct {
	Key  string
	Data []byte // nil where it was removed
	Rev  uint64
	At   time.Time
}

// Open makes the stream where it is missing. Views are added next, and then Follow reads.
func Open(ctx context.Context, c Config) (*Control, error) {
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	if c.Marks == 0 {
		c.Marks = DefaultMarks
	}
	err := c.Conn.EnsureStream(ctx, bus.StreamConfig{Name: Stream, Subjects: []string{prefix + ">"}, MaxMsgsPerSubject: 1,
		AllowDirect: true, AllowTTL: true, Replicas: c.Replicas})
	if err != nil {
		return nil, err
	}
	pub, err := c.Conn.NewPublisher()
	if err != nil {
		return nil, err
	}
	return &Control{end: func() {}, known: map[string]uint64{}, halves: map[string]half{}, conn: c.Conn, pub: pub, log: c.Log, marks: c.Marks, stop: func() {}, views: map[string][]func(Change){}, news: make(chan struct{})}, nil
}

// Follow reads all that is stored into the views, returns, and keeps them up to date until
// Close. Views are called one change at a time.
func (c *Control) Follow(ctx context.Context) error {
	since := wall()
	state, err := c.conn.StreamState(ctx, Stream)
	if err != nil {
		return err
	}
	last := state.Last
	err = c.conn.Scan(ctx, Stream, "", 0, func(m *bus.Stored) error {
		last = max(last, m.Seq)
		c.apply(m)
		return nil
	})
	if err != nil {
		return err
	}
	c.seen(last)
	c.stop, err = c.conn.Tail(context.WithoutCancel(ctx), Stream, "", last+1, c.apply)
	if err == nil {
		watching, end := context.WithCancel(context.WithoutCancel(ctx))
		c.end = end
		c.over.Go(func() { c.watch(watching, since) })
	}
	return err
}

// Close ends the following.
func (c *Control) Close() {
	c.end()
	c.over.Wait()
	c.stop()
	c.pub.Close()
}

// view adds a function that is called with every change of a table.
func (c *Control) view(table string, f func(Change)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.views[table] = append(c.views[table], f)
}

// apply shows the views a message, unless they have seen it, or a later one.
func (c *Control) apply(m *bus.Stored) {
	c.order.Lock()
	defer c.order.Unlock()
	if m.Seq <= c.sofar() {
		return
	}
	table, key, _ := strings.Cut(strings.TrimPrefix(m.Subject, prefix), ".")
	c.mu.Lock()
	views := c.views[table]
	c.mu.Unlock()
	ch := Change{Key: key, Data: m.Data, Rev: m.Seq, At: m.Time}
	if len(m.Data) == 0 {
		ch.Data = nil
	}
	for _, f := range views {
		f(ch)
	}
	switch {
	case ch.Data == nil:
		delete(c.known, m.Subject)
	case len(views) > 0:
		c.known[m.Subject] = m.Seq
	}
	c.halved(m)
	c.seen(m.Seq)
}

func (c *Control) seen(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq > c.applied {
		c.applied = seq
		close(c.news)
		c.news = make(chan struct{})
	}
}

// How long a write waits for another of its record that is under way, and for a leader of the
// stream.
const (
	busyTries = 100
	busyWait  = 20 * time.Millisecond
)

// notNow reports whether a write was surely not carried out, and will be in a moment.
func notNow(err error) bool { return errors.Is(err, bus.ErrBusy) || errors.Is(err, bus.ErrNoStream) }

// faultOf says in the control plane's words what the bus answered.
func faultOf(err error, table, key string) error {
	switch {
	case errors.Is(err, bus.ErrConflict):
		return coordinator.Faultf(coordinator.Changed, "%s %s was changed meanwhile", table, key)
	case errors.Is(err, bus.ErrNotFound):
		return coordinator.Faultf(coordinator.Unknown, "no such %s: %s", table, key)
	case errors.Is(err, bus.ErrTooLarge):
		return coordinator.Faultf(coordinator.TooLarge, "%s %s is too large: %w", table, key, err)
	}
	return coordinator.Faultf(coordinator.Unavailable, "%s %s: %w", table, key, fmt.Errorf("the store does not answer: %w", err))
}
