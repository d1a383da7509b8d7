package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
)

// Stream is the stream of the log, and its subjects are sluice.audit.OUTCOME.OPERATION.
const (
	Stream = "SLUICE_AUDIT"
	prefix = "sluice.audit."
)

// Defaults of a log, and bounds.
const (
	DefaultAge   = 90 * 24 * time.Hour
	DefaultBytes = 64 << 20

	queued    = 4096                   // entries that wait for the store
	writers   = 4                      // that store at the same time: the log's order is nearly that of the requests
	roomFor   = 50 * time.Millisecond  // how long Write waits for room
	retryWait = 200 * time.Millisecond // before an entry is stored again, twice as long each time
	retryMost = 2 * time.Second        // and at most
	closeFor  = 3 * time.Second        // how long what waits is stored still when Run ends
)

// ErrLost says that an entry was not kept.
var ErrLost = errors.New("the audit log has no room: an entry was lost")

// Config says where a log is kept, and how much of it.
type Config struct {
	Conn     *bus.Conn
	MaxAge   time.Duration // 0 is DefaultAge
	MaxBytes int64         // 0 is DefaultBytes; the store sets it aside. The oldest entries go first
	Replicas int           // 0: 1
	Now      func() time.Time
	Log      hclog.Logger
}

// Log is the audit log of one project. All methods may be called from any goroutine.
type Log struct {
	cfg  Config
	log  hclog.Logger
	pub  *bus.Publisher
	wait chan coordinator.AuditEntry
	lost atomic.Uint64 // since the last entry that told of it
	all  atomic.Uint64 // lost since the start
	out  outage

	shares *shares
}

// Open makes the stream where it is missing, or gives it other bounds. Entries are stored while
// [Log.Run] runs.
func Open(ctx context.Context, c Config) (*Log, error) {
	if c.MaxAge == 0 {
		c.MaxAge = DefaultAge
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultBytes
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = hclog.NewNullLogger()
	}
	var subjects []string // and no wildcard in their place: where the jobs are in the same account, a worker may publish on some
	for _, o := range coordinator.Outcomes {
		subjects = append(subjects, prefix+string(o)+".*")
	}
	s := bus.StreamConfig{Name: Stream, Subjects: subjects, MaxAge: c.MaxAge, MaxBytes: c.MaxBytes, Replicas: c.Replicas, AllowDirect: true}
	err := c.Conn.EnsureStream(ctx, s)
	if errors.Is(err, bus.ErrDiffers) {
		err = c.Conn.ChangeStream(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	pub, err := c.Conn.NewPublisher()
	if err != nil {
		return nil, err
	}
	return &Log{cfg: c, log: c.Log, pub: pub, wait: make(chan coordinator.AuditEntry, queued), shares: newShares(&c)}, nil
}

// Write adds an entry; its ID, and At where it is zero, are set here. What waits for the store is
// bounded: where there is no room within 50 ms, it is lost, and ErrLost says so. How many were
// lost stands in the log once the store answers again. An entry that was taken is stored a
// moment later; it is lost where the process is killed in that moment. What is refused or fails, and
// what viewers do, is summed up: within a minute it has two entries for each user, address, operation
// and reason, but for the first of a user, which have one each.
func (l *Log) Write(ctx context.Context, e coordinator.AuditEntry) error {
	e.ID, e.Lost = 0, 0
	if e.At.IsZero() {
		e.At = l.cfg.Now()
	}
	e.At = e.At.UTC()
	clean(&e)
	if !l.shares.take(&e, l.cfg.Now()) {
		return nil
	}
	select {
	case l.wait <- e:
		return nil
	default:
	}
	timer := time.NewTimer(roomFor)
	defer timer.Stop()
	select {
	case l.wait <- e:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	l.lose(&e)
	return ErrLost
}

// Lost is how many entries were lost by this process.
func (l *Log) Lost() uint64 { return l.all.Load() }

func (l *Log) lose(e *coordinator.AuditEntry) {
	l.all.Add(1)
	if l.lost.Add(1) == 1 { // the others are counted: a log of them all would be as long
		l.log.Error("audit entries are being lost", "operation", e.Operation, "outcome", string(e.Outcome), "who", e.Who)
	}
}

// Run stores entries until ctx ends, and for 3 s more what waits then.
func (l *Log) Run(ctx context.Context) error {
	defer l.pub.Close()
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(closeFor, cancel) })
	defer stop()
	var all sync.WaitGroup
	storing, stored := context.WithCancel(late)
	all.Go(func() { l.sum(ctx); stored() }) // what it writes last is stored, too
	for range writers {
		all.Go(func() { l.store(storing, late) })
	}
	all.Wait()
	for { // what came too late
		select {
		case e := <-l.wait:
			l.lose(&e)
		default:
			if n := l.lost.Load(); n > 0 {
				return fmt.Errorf("%d entries: %w", n, ErrLost)
			}
			return nil
		}
	}
}

// store stores entries until ctx ends and nothing waits, or late ends.
func (l *Log) store(ctx, late context.Context) {
	for {
		select {
		case e := <-l.wait:
			l.put(late, &e)
			continue
		default:
		}
		select {
		case e := <-l.wait:
			l.put(late, &e)
		case <-ctx.Done():
			return
		}
	}
}

// put stores an entry, again until it is stored, and before it how many were lost.
func (l *Log) put(ctx context.Context, e *coordinator.AuditEntry) {
	if n := l.lost.Swap(0); n > 0 {
		said := coordinator.AuditEntry{At: l.cfg.Now().UTC(), Operation: "audit", Outcome: coordinator.AuditLost, Lost: n}
		if !l.putOne(ctx, &said) {
			l.lost.Add(n)
		}
	}
	if !l.putOne(ctx, e) {
		l.lose(e)
	}
}

func (l *Log) putOne(ctx context.Context, e *coordinator.AuditEntry) bool {
	data, err := bus.EncodeRecord(e)
	if err != nil {
		l.log.Error("an audit entry does not encode", "operation", e.Operation, "err", err)
		return false
	}
	m := bus.Put{Subject: prefix + string(e.Outcome) + "." + e.Operation, Data: data, MsgID: rand.Text(), Stream: Stream}
	for wait := retryWait; ; wait = min(2*wait, retryMost) {
		out := l.pub.PutSync(ctx, m)
		if out.Err == nil {
			l.out.over(l.log)
			return true
		}
		if errors.Is(out.Err, bus.ErrClosed) || ctx.Err() != nil {
			return false
		}
		l.out.again(l.log, out.Err, len(l.wait))
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}
