package events_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// serve answers each request with the events of a log, and tells how each ended.
func serve(t *testing.T, l *events.Log, c events.Lines) (url string, ended chan error) {
	t.Helper()
	ended = make(chan error, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := l.Since(r.Context(), coordinator.EventFilter{}, 0)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		ended <- events.WriteLines(w, r, s, c)
	}))
	t.Cleanup(server.Close)
	return server.URL, ended
}

// follow opens the stream and returns its lines.
func follow(t *testing.T, url string) (next func() coordinator.Event, body io.ReadCloser) {
	t.Helper()
	req, err := http.NewRequestWithContext(bustest.Context(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close(); http.DefaultClient.CloseIdleConnections() })
	if got := resp.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("got %q, want application/x-ndjson", got)
	}
	lines := bufio.NewReader(resp.Body)
	return func() (e coordinator.Event) {
		t.Helper()
		line, err := lines.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &e)
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return e
	}, resp.Body
}

// TestLines follows a job to its end: each event at once, heartbeats in between, and a last
// line that says so.
func TestLines(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{})
	url, ended := serve(t, l, events.Lines{Heartbeat: 50 * time.Millisecond, Until: events.Final})
	next, _ := follow(t, url)
	l.Emit(event("a", coordinator.EventPrint, "one\ntwo"))
	e := next()
	for e.Type == events.LineHeartbeat {
		e = next()
	}
	if e.Text != "one\ntwo" || e.ID == 0 {
		t.Errorf("got %+v", e)
	}
	if beat := next(); beat.Type != events.LineHeartbeat || beat.ID != e.ID {
		t.Errorf("got %+v, want a heartbeat with id %d", beat, e.ID)
	}
	for _, state := range []recipe.JobState{recipe.JobRunning, recipe.JobSucceeded} {
		l.Emit(coordinator.Event{Job: "a", Type: coordinator.EventState, Level: coordinator.LevelOf(state), Data: coordinator.Status{State: state}})
	}
	var all []string
	for len(all) == 0 || all[len(all)-1] != "end" {
		if e = next(); e.Type != events.LineHeartbeat {
			all = append(all, string(e.Type))
		}
	}
	same(t, "types", all, []string{"state", "state", "end"})
	if err := bustest.Wait(t, "the handler", ended); err != nil {
		t.Error(err)
	}
}

// TestLinesLinger writes for a job whose last event was lost: when it is seen to be over the stream
// goes on for what comes late, and then ends.
func TestLinesLinger(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{})
	asked := 0
	url, ended := serve(t, l, events.Lines{Until: events.Final, Over: func() bool {
		if asked++; asked == 2 {
			l.Emit(event("a", coordinator.EventPrint, "late"))
		}
		return asked > 1
	}})
	next, _ := follow(t, url)
	var all []string
	for len(all) == 0 || all[len(all)-1] != "end" {
		e := next()
		all = append(all, string(e.Type))
		if e.Type == events.LineEnd && fmt.Sprint(e.Data) != "map[again:false]" {
			t.Errorf("got %+v", e)
		}
	}
	same(t, "types", all, []string{"heartbeat", "print", "end"})
	if err := bustest.Wait(t, "the handler", ended); err != nil {
		t.Error(err)
	}
}

// TestLinesAreBounded ends a stream after its time, and says where to go on.
func TestLinesAreBounded(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{})
	url, ended := serve(t, l, events.Lines{MaxFor: 100 * time.Millisecond})
	next, _ := follow(t, url)
	if e := next(); e.Type != events.LineEnd || !strings.Contains(e.Text, "ask again") || fmt.Sprint(e.Data) != "map[again:true]" {
		t.Errorf("got %+v", e)
	}
	if err := bustest.Wait(t, "the handler", ended); err != nil {
		t.Error(err)
	}
}

// TestLinesToSlowClient opens the stream and reads nothing: it is cut off in time.
func TestLinesToSlowClient(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{})
	url, ended := serve(t, l, events.Lines{WriteWait: 100 * time.Millisecond})
	_, body := follow(t, url)
	defer body.Close()
	for i := range 10_000 {
		l.Emit(event("a", coordinator.EventPrint, fmt.Sprint(i, strings.Repeat("x", 10<<10))))
		if len(ended) > 0 {
			break
		}
		if i%100 == 99 {
			stored(t, l, coordinator.EventFilter{Job: "b"}) // lets the store keep up
		}
	}
	if err := bustest.Wait(t, "the handler", ended); err == nil {
		t.Error("the handler says that all was written")
	}
}
