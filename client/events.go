package client

import (
	"bufio"
	"context"
	"encoding/json"
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
// follow is true with those that come, until ctx ends or f returns an error, which is returned. A
// stream that is cut is gone on with behind the last event.
func (c *Client) Events(ctx context.Context, id recipe.JobID, since uint64, follow bool, f func(Event) error) error {
	wait := againFirst
	for {
		last, whole, ferr, err := c.events(ctx, id, since, follow, f)
		switch {
		case ferr != nil:
			return ferr
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && whole && !follow:
			return nil
		case err != nil && coordinator.FamilyOf(err) != "" && coordinator.FamilyOf(err) != coordinator.Unavailable:
			return err
		}
		if last > since {
			since, wait = last, againFirst
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, againMost)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// events reads one stream to its end. It is whole when its last line says that there is no more.
func (c *Client) events(ctx context.Context, id recipe.JobID, since uint64, follow bool, f func(Event) error) (last uint64, whole bool, ferr, err error) {
	q := url.Values{"follow": {strconv.FormatBool(follow)}}
	if since > 0 {
		q.Set("since", strconv.FormatUint(since, 10))
	}
	resp, err := c.ask(ctx, call{method: http.MethodGet, path: "v1/jobs/" + url.PathEscape(string(id)) + "/events", query: q})
	if err != nil {
		return since, false, nil, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
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
			continue
		case lineEnd:
			return since, !more(e.Data), nil, nil
		}
		if ferr := f(e); ferr != nil {
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
