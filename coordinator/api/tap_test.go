package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// wide is a recipe whose edge from long carries a kilobyte a record.
const wide = `
recipe: wide
params: {count: {type: int}}
nodes:
  n:    {kind: integer_generator, config: {count: "${count}", seed: 7}}
  text: {kind: to_string, from: n}
  long: {kind: regex_replace, from: text, config: {regex: '$', replacement: "%s"}}
  hash: {kind: md5_hash, from: long}
  out:  {kind: file_writer, from: hash, config: {path: out.txt}}
`

func (d *desk) wide(count int64) recipe.JobID {
	d.t.Helper()
	j, err := d.client(coordinator.Author).Submit(bustest.Context(d.t), coordinator.Submission{
		Document: coordinator.Document{Source: fmt.Sprintf(wide, strings.Repeat("-", 1<<10)), Params: coordinator.Values{"count": count}}}, "")
	if err != nil {
		d.t.Fatal(err)
	}
	return j.ID
}

// TestTap watches a job from before its beginning to its end: all that passes is seen, as results
// have it.
func TestTap(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	c := d.client(coordinator.Viewer)
	id := d.wide(1000)
	begun, done := make(chan struct{}), make(chan error, 1)
	var seen []string
	var end coordinator.TapEnd
	go func() {
		done <- c.Tap(ctx, id, "hash.out", client.Tapping{}, func(l coordinator.TapLine) error {
			switch {
			case l.Start != nil:
				close(begun)
			case l.Record != nil:
				seen = append(seen, string(l.Record))
			case l.End != nil:
				end = *l.End
			}
			return nil
		})
	}()
	bustest.Wait(t, "the beginning of the tap", begun)
	defer d.worker(nil)()
	if state := d.over(c, id); state != recipe.JobSucceeded {
		t.Fatalf("the job has %s", state)
	}
	if err := bustest.Wait(t, "the end of the tap", done); err != nil {
		t.Fatal(err)
	}
	if end.Why != coordinator.TapJobOver || end.Records != 1000 || end.LeftOut.Any() || len(seen) != 1000 {
		t.Fatalf("got %d records and %+v, want 1000", len(seen), end)
	}
	var results strings.Builder
	if err := c.Results(ctx, id, "out", &results); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for _, line := range strings.Fields(results.String()) {
		want[line]++
	}
	for _, line := range seen {
		want[line]--
	}
	for line, n := range want {
		if n != 0 {
			t.Errorf("record %s: %d times more in the results", line, n)
		}
	}
	err := c.Tap(ctx, id, "hash", client.Tapping{}, nil)
	if coordinator.FamilyOf(err) != coordinator.Conflict || !strings.Contains(err.Error(), "is succeeded") {
		t.Errorf("a tap of a job that is over: got %v", err)
	}
}

// TestTapSlowReader taps a job for a reader that takes just enough not to be cut off until the job is
// over. The job does not wait for it, and the reader is told how much it has missed.
func TestTapSlowReader(t *testing.T) {
	const count = 20_000
	d := newDesk(t)
	c, id := d.client(coordinator.Viewer), d.wide(count)
	at, err := url.Parse(d.http.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /v1/jobs/%s/tap?at=long HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", id, at.Host, d.keys[coordinator.Viewer]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil) // all but the body
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %+v, %v", resp, err)
	}
	defer resp.Body.Close()
	defer d.worker(nil)()
	var early bytes.Buffer
	over, slow := make(chan struct{}), make(chan error, 1)
	go func() { slow <- takeSlowly(&early, resp.Body, over) }()
	state := d.over(c, id)
	close(over)
	if err := bustest.Wait(t, "the slow reader", slow); err != nil || state != recipe.JobSucceeded {
		t.Fatalf("the job has %s, and the reader %v", state, err)
	}
	records, gaps, end := readTap(t, io.MultiReader(&early, resp.Body))
	if records+end.LeftOut.Records != count || end.Records != records || end.Why != coordinator.TapJobOver || end.LeftOut.Unknown {
		t.Errorf("got %d records and %+v, want %d in all", records, end, count)
	}
	if gaps.Records == 0 || gaps != end.LeftOut {
		t.Errorf("got gaps of %+v, and %+v at the end; want some, and the same: the reader took nothing", gaps, end.LeftOut)
	}
}

// takeSlowly reads as much as is written at once each second, until over.
func takeSlowly(to io.Writer, from io.Reader, over <-chan struct{}) error {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if _, err := io.CopyN(to, from, 128<<10); err != nil {
				return err
			}
		case <-over:
			return nil
		}
	}
}

// readTap reads the lines of a tap to its end.
func readTap(t *testing.T, body io.Reader) (records int, gaps coordinator.TapGap, end coordinator.TapEnd) {
	t.Helper()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		var l coordinator.TapLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%.200s: %v", lines.Text(), err)
		}
		switch {
		case l.Record != nil:
			records++
		case l.Gap != nil:
			gaps.Add(*l.Gap)
		case l.End != nil:
			end = *l.End
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return records, gaps, end
}

// TestTapRefuses asks for what can't be tapped.
func TestTapRefuses(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	id := d.wide(1)
	for query, want := range map[string]struct {
		status int
		code   coordinator.Family
	}{
		"":                 {422, coordinator.Invalid},
		"?at=":             {422, coordinator.Invalid},
		"?at=n&for=3601":   {422, coordinator.Invalid},
		"?at=n&limit=-1":   {422, coordinator.Invalid},
		"?at=n&colour=red": {422, coordinator.Invalid},
		"?at=lang":         {404, coordinator.Unknown},
		"?at=out":          {404, coordinator.Unknown},
	} {
		resp, body := d.do("GET", "/v1/jobs/"+string(id)+"/tap"+query, "")
		problem(t, resp, body, want.status, want.code)
	}
	resp, body := d.do("GET", "/v1/jobs/nosuchjob/tap?at=n", "")
	problem(t, resp, body, 404, coordinator.Unknown)
	// A job that waits can be tapped; for a second nothing passes.
	var end *coordinator.TapEnd
	err := d.client(coordinator.Viewer).Tap(ctx, id, "n", client.Tapping{For: 1}, func(l coordinator.TapLine) error {
		end = l.End
		return nil
	})
	if err != nil || end == nil || end.Why != coordinator.TapTime || end.Records != 0 {
		t.Errorf("got %+v, %v", end, err)
	}
	if _, err := d.client(coordinator.Author).Order(ctx, id, client.Pause); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the job rests", func() bool {
		j, err := d.client(coordinator.Viewer).Job(ctx, id)
		return err == nil && j.State == recipe.JobPaused
	})
	resp, body = d.do("GET", "/v1/jobs/"+string(id)+"/tap?at=n", "")
	if p := problem(t, resp, body, 409, coordinator.Conflict); p.Hint != "resume it" {
		t.Errorf("got hint %q", p.Hint)
	}
	// Who leaves frees the place.
	for range 40 {
		short, leave := context.WithCancel(ctx)
		_ = d.client(coordinator.Viewer).Tap(short, d.wide(1), "n", client.Tapping{}, func(coordinator.TapLine) error { leave(); return nil })
		leave()
	}
}

// TestWorker shows a worker by its name.
func TestWorker(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	c := d.client(coordinator.Viewer)
	if _, err := c.Worker(ctx, "w"); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("one that is not here: got %v", err)
	}
	defer d.worker(nil)()
	bustest.Eventually(t, "the worker is known", func() bool {
		w, err := c.Worker(ctx, "w")
		return err == nil && w.Name == "w" && w.Version == "test" && len(w.Kinds) > 10
	})
	resp, body := d.do("GET", "/v1/workers/w", "")
	if resp.StatusCode != 200 || !strings.Contains(body, `"kind":"md5_hash"`) {
		t.Errorf("got %d %.300s", resp.StatusCode, body)
	}
	if resp, body = d.do("GET", "/v1/workers/w", "", "If-None-Match", resp.Header.Get("ETag")); resp.StatusCode != 304 || body != "" {
		t.Errorf("the same again: got %d %s, want 304", resp.StatusCode, body)
	}
	if resp, _ = d.do("GET", "/v1/workers/w", "", "If-None-Match", `W/"1"`); resp.StatusCode != 200 {
		t.Errorf("another tag: got %d", resp.StatusCode)
	}
}
