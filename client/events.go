package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"sluice/coordinator"
	"sluice/recipe"
)

// Event is an event with its data as it came.
type Event struct {
	coordinator.Event
	Data json.RawMessage `json:"data,omitempty"`
}

// Lines of a stream that are no events.
const (
	lineHeartbeat coordinator.EventType = "heartbeat"
	lineEnd       coordinator.EventType = "end"
)

// longestLine bounds a line of a stream, in bytes.
const longestLine = 4 << 20

// again bounds the waits between two attempts to go on with a stream that was cut.
const (
	againFirst = 100 * time.Millisecond
	againMost  = 5 * time.Second
)

// Events calls f with the events of a job that are kept, from the one behind since on, and where
// follow is true with those that come, until the job has ended. It ends before that with ctx, or
// when f returns an error, which is returned. That a job has ended may be told without an event of
// it: those are kept for a time only. A stream that is cut is gone on with behind the last event. After
// [Config].Patience without an answer it is coordinator.Unavailable.
func (c *Client) Events(ctx context.Context, id recipe.JobID, since uint64, follow bool, f func(Event) error) error {
	return c.stream(ctx, following{id: id, follow: follow, f: f}, since)
}

// Watch is [Client.Events] that follows, for who waits for a job's end or rest: it returns, too, when
// the job is paused or stopped and nothing comes of it. f ends it at the event that tells of the rest;
// where that was not kept, the job itself is looked at while nothing comes, so that it returns within
// half a minute.
func (c *Client) Watch(ctx context.Context, id recipe.JobID, since uint64, f func(Event) error) error {
	return c.stream(ctx, following{id: id, follow: true, f: f, quiet: func() bool {
		j, err := c.Job(ctx, id)
		return err == nil && j.State.AtRest() && (j.State.Final() || !j.Want.Runs()) // one that is to go on will
	}}, since)
}

// following is what a stream of events is read for.
type following struct {
	id     recipe.JobID
	follow bool
	f      func(Event) error
	heard  func()      // called when something comes
	quiet  func() bool // asked while nothing comes whether it is over; nil: it is not
}

// stream reads streams until one is whole.
func (c *Client) stream(ctx context.Context, w following, since uint64) error {
	wait, out := againFirst, outage{c: c}
	w.heard = out.over
	for {
		last, whole, ferr, err := c.events(ctx, &w, since)
		switch {
		case ferr != nil:
			return ferr
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && whole:
			return nil
		case err != nil && coordinator.FamilyOf(err) != "" && coordinator.FamilyOf(err) != coordinator.Unavailable:
			return err
		}
		if last > since {
			since, wait = last, againFirst
		}
		out.met(err)
		if out.since != (time.Time{}) && time.Since(out.since) >= c.patience {
			fault := coordinator.Faultf(coordinator.Unavailable, "the coordinator at %s has not answered for %s: %w", c.base.Host, c.patience, err)
			fault.Hint = fmt.Sprintf("the job goes on where workers are; sluice logs -f %s follows it when the coordinator is back", w.id)
			return fault
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, againMost)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// outage tells of a stream that does not come.
type outage struct {
	c     *Client
	since time.Time // when the first attempt failed; zero while it comes
	times int
	told  bool
}

// met notes how an attempt ended. A coordinator that was started anew is not worth a word, one
// that is away for longer, or hangs, is.
func (o *outage) met(err error) {
	if err == nil { // it was answered, and cut
		o.since = time.Time{}
		return
	}
	if o.since.IsZero() {
		o.since = time.Now()
	}
	if o.times++; !o.told && (o.times > 3 || errors.Is(err, errSilent)) {
		o.told = true
		o.c.tell(fmt.Sprintf("the coordinator at %s does not answer; it is asked again for %s: %v", o.c.base.Host, o.c.patience, err))
	}
}

// over notes that something came.
func (o *outage) over() {
	if o.told {
		o.c.tell("the coordinator answers again")
	}
	o.since, o.times, o.told = time.Time{}, 0, false
}

// events reads one stream to its end. It is whole when its last line says that there is no more, or
// when that is seen while nothing comes.
func (c *Client) events(ctx context.Context, w *following, since uint64) (last uint64, whole bool, ferr, err error) {
	q := url.Values{"follow": {strconv.FormatBool(w.follow)}}
	if since > 0 {
		q.Set("since", strconv.FormatUint(since, 10))
	}
	resp, err := c.ask(ctx, call{method: http.MethodGet, path: "v1/jobs/" + url.PathEscape(string(w.id)) + "/events", query: q})
	if err != nil {
		return since, false, nil, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		w.heard()
		if len(lines.Bytes()) == 0 { // a heartbeat
			continue
		}
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return since, false, nil, err
		}
		since = max(since, e.ID)
		switch e.Type {
		case lineHeartbeat:
			if w.quiet != nil && w.quiet() {
				return since, true, nil, nil
			}
			continue
		case lineEnd:
			return since, !more(e.Data), nil, nil
		}
		if ferr := w.f(e); ferr != nil {
			return since, false, ferr, nil
		}
	}
	return since, false, nil, lines.Err()
}

// more reports whether the last line of a stream says that there is more than it had.
func more(data json.RawMessage) bool {
	var end struct {
		Again bool `json:"again"`
	}
	return json.Unmarshal(data, &end) == nil && end.Again
}
