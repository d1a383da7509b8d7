package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// Lines of a stream of NDJSON that are no events of a job: they have these types, no Job, and
// the ID behind which to ask again.
const (
	LineHeartbeat coordinator.EventType = "heartbeat" // nothing came for a while
	LineEnd       coordinator.EventType = "end"       // the last line; Text says why, Data is an End. Without it the stream was cut
)

// End is the data of the last line.
type End struct {
	Again bool `json:"again"` // there is more, or may be: ask since the line's id
}

// Defaults of [Lines].
const (
	DefaultHeartbeat = 15 * time.Second
	DefaultMaxFor    = time.Hour
	DefaultWriteWait = 10 * time.Second
	DefaultLinger    = time.Second
)

// Lines says how events are written as NDJSON. The zero value is good for a request that
// follows.
type Lines struct {
	Heartbeat time.Duration                 // the longest silence; 0: DefaultHeartbeat
	MaxFor    time.Duration                 // how long the stream lasts; 0: DefaultMaxFor
	WriteWait time.Duration                 // how long the client may not take what is written; 0: DefaultWriteWait
	Until     func(*coordinator.Event) bool // the event that is the last one, such as Final; nil: none
	// Over reports whether what is told of has come to its end, so that the stream ends although the
	// last event was lost: when nothing has come for Linger since that was seen. It is asked at the
	// beginning, and while nothing comes, first after Linger and then ever more seldom; a heartbeat is
	// written each time. nil: it never has.
	Over   func() bool
	Linger time.Duration // 0: DefaultLinger
}

// fill sets the defaults.
func (c *Lines) fill() {
	c.Heartbeat = cmp.Or(c.Heartbeat, DefaultHeartbeat)
	c.MaxFor = cmp.Or(c.MaxFor, DefaultMaxFor)
	c.WriteWait = cmp.Or(c.WriteWait, DefaultWriteWait)
	c.Linger = cmp.Or(c.Linger, DefaultLinger)
	if c.Over == nil {
		c.Over, c.Linger = func() bool { return false }, c.Heartbeat
	}
}

// Final reports whether an event says that its job is over.
func Final(e *coordinator.Event) bool {
	raw, ok := e.Data.(json.RawMessage)
	if e.Type != coordinator.EventState || !ok {
		return false
	}
	var s struct {
		State recipe.JobState `json:"state"`
	}
	return json.Unmarshal(raw, &s) == nil && s.State.Final()
}

// WriteLines answers a request with the events of a subscription, one JSON object a line, and
// closes it. It returns when the last is written, the client is gone or slow, or MaxFor is over;
// its error says only why the client was cut off. Who asks with HEAD gets the header, at once.
func WriteLines(w http.ResponseWriter, r *http.Request, s *Subscription, c Lines) error {
	defer s.Close()
	c.fill()
	ctx, cancel := context.WithTimeout(r.Context(), c.MaxFor)
	defer cancel()
	out := lineWriter{w: w, control: http.NewResponseController(w), wait: c.WriteWait}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // proxies pass each line on at once
	w.WriteHeader(http.StatusOK)
	if err := out.write(nil); err != nil || r.Method == http.MethodHead {
		return err
	}
	over, quiet := c.Over(), c.Linger
	for {
		entries, err := next(ctx, s, quiet)
		if n := c.last(entries); n > 0 {
			if err := out.write(entries[:n]); err != nil {
				return err
			}
			return out.note(LineEnd, entries[n-1].ID, "this is the last one", End{})
		}
		switch {
		case err == nil:
			err, quiet = out.write(entries), c.Linger
		case !errors.Is(err, errQuiet):
			if r.Context().Err() != nil {
				return err
			}
			return out.note(LineEnd, s.LastID(), why(ctx, err), End{Again: !errors.Is(err, io.EOF)})
		case over && s.upToDate() && c.Over():
			return out.note(LineEnd, s.LastID(), "it is over, and no more came", End{})
		default:
			if over = c.Over(); over {
				quiet = c.Linger
			} else {
				quiet = min(2*quiet, c.Heartbeat)
			}
			err = out.note(LineHeartbeat, s.LastID(), "", nil)
		}
		if err != nil {
			return err
		}
	}
}

// last is how many of the entries are up to the one that is the last of all, 0 where none is.
func (c *Lines) last(entries []*Entry) int {
	if c.Until == nil {
		return 0
	}
	return 1 + slices.IndexFunc(entries, func(e *Entry) bool { return c.Until(&e.Event) })
}

// errQuiet says that nothing came for a while.
var errQuiet = errors.New("nothing came")

// next waits for events, and returns errQuiet when none came for so long.
func next(ctx context.Context, s *Subscription, quiet time.Duration) ([]*Entry, error) {
	wait, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	entries, err := s.Next(wait)
	if err != nil && wait.Err() != nil && ctx.Err() == nil && errors.Is(err, wait.Err()) {
		return nil, errQuiet
	}
	return entries, err
}

// why says to people why a stream ends.
func why(ctx context.Context, err error) string {
	switch {
	case ctx.Err() != nil:
		return "the time for one request is over: ask again since this id"
	case errors.Is(err, ErrSlow):
		return "too slow: ask again since this id"
	case errors.Is(err, ErrClosed):
		return "the coordinator ends: ask again since this id"
	case errors.Is(err, io.EOF):
		return "these are all that are stored"
	}
	return "the store does not answer: ask again since this id"
}

// lineWriter writes lines, each within a time.
type lineWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	wait    time.Duration
	err     error // the first one
}

// write writes entries and flushes.
func (l *lineWriter) write(entries []*Entry) error {
	deadline := time.Now().Add(l.wait)
	if err := l.control.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		l.err = err
	}
	for _, e := range entries {
		if l.err == nil {
			_, l.err = l.w.Write(e.JSON())
		}
		if l.err == nil {
			_, l.err = l.w.Write([]byte{'\n'})
		}
	}
	if l.err == nil {
		l.err = l.control.Flush()
	}
	return l.err
}

// note writes a line of the stream's own.
func (l *lineWriter) note(typ coordinator.EventType, id uint64, text string, data any) error {
	e := Entry{Event: coordinator.Event{ID: id, Type: typ, Level: coordinator.LevelInfo, At: time.Now().UTC(), Text: text, Data: data}}
	b, err := json.Marshal(&e.Event)
	if err != nil {
		return err
	}
	e.wire = func() []byte { return b }
	return l.write([]*Entry{&e})
}
