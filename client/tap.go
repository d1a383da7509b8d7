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

// longestRecord bounds a line of a tap, in bytes: a record of the greatest size of which each byte
// is escaped.
const longestRecord = 6*recipe.MaxRecord + 1<<10

// Tapping says how much of a tap is wanted. The zero value is all that passes within an hour.
type Tapping struct {
	Records int           // at most; 0: no bound
	For     time.Duration // at most, in whole seconds; 0: an hour, which is the most
}

// Tap calls f with each line of what passes from now on at NODE, NODE.PORT, an included recipe or
// an edge of a job, until one of them is the end, ctx ends or f returns an error, which is
// returned. Nobody waits for a reader: what f is too slow for is left out, and told as a gap. A
// stream that was cut is coordinator.Unavailable; it is not gone on with.
func (c *Client) Tap(ctx context.Context, id recipe.JobID, at string, t Tapping, f func(coordinator.TapLine) error) error {
	q := url.Values{"at": {at}}
	if t.Records > 0 {
		q.Set("limit", strconv.Itoa(t.Records))
	}
	if t.For > 0 {
		q.Set("for", strconv.Itoa(int((t.For+time.Second-1)/time.Second)))
	}
	resp, err := c.ask(ctx, call{method: http.MethodGet, path: "v1/jobs/" + url.PathEscape(string(id)) + "/tap", query: q})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, longestRecord)
	for lines.Scan() {
		var l coordinator.TapLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			if !lines.Scan() {
				break // the rest of it did not come
			}
			return coordinator.Faultf(coordinator.Unavailable, "tap of job %s: a line is no line of a tap: %w", id, err)
		}
		if err := f(l); err != nil || l.End != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fault := coordinator.Faultf(coordinator.Unavailable, "the tap of job %s was cut off", id)
	fault.Cause, fault.Hint = lines.Err(), "tap it again: another coordinator may answer"
	return fault
}
