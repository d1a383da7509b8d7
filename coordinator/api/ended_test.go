package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/recipe"
)

// ended submits a job, cancels it and waits until its last event is stored.
func (d *desk) ended() (id recipe.JobID, last uint64) {
	d.t.Helper()
	c, ctx := d.client(coordinator.Author), bustest.Context(d.t)
	job, err := c.Submit(ctx, submission(), "")
	if err == nil {
		_, err = c.Order(ctx, job.ID, client.Cancel)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	err = c.Events(ctx, job.ID, 0, true, func(e client.Event) error { last = e.ID; return nil })
	if err != nil || last == 0 {
		d.t.Fatalf("got %d, %v", last, err)
	}
	return job.ID, last
}

// TestFollowEnded follows a job that is over, of which no event comes any more: behind the last
// one, and where none is stored. The stream ends all the same, and the client with it; but not at
// once, since what printers printed last comes late.
func TestFollowEnded(t *testing.T) {
	t.Parallel()
	server := bustest.Server(t)
	d, ctx := newDeskOn(t, server, unlimited), bustest.Context(t)
	id, last := d.ended()
	follow := func(d *desk, what string, since uint64) {
		t.Helper()
		began := time.Now()
		_, body := d.do("GET", "/v1/jobs/"+string(id)+"/events?follow=true&since="+strconv.FormatUint(since, 10), "")
		took := time.Since(began)
		lines := strings.Split(strings.TrimSpace(body), "\n")
		var end coordinator.Event
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil || end.Type != events.LineEnd || strings.Contains(body, `"again":true`) {
			t.Errorf("%s: got %v, %s; want an end", what, err, body)
		}
		if took < events.DefaultLinger {
			t.Errorf("%s: it ended after %v; want that it lingers", what, took)
		}
		if err := d.client(coordinator.Author).Events(ctx, id, since, true, func(client.Event) error { return nil }); err != nil {
			t.Errorf("%s: the client got %v", what, err)
		}
	}
	follow(d, "behind the last", last)
	if err := d.conn.PurgeSubject(ctx, events.Stream, "sluice.events.>"); err != nil {
		t.Fatal(err)
	}
	other := newDeskOn(t, server, unlimited, func(c *daemon.CoordinatorConfig) { c.Name = "other" })
	follow(other, "none is stored", 0)
}

// TestFollowDeleted deletes a job that is followed without an event to come.
func TestFollowDeleted(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, unlimited), bustest.Context(t)
	id, last := d.ended()
	c, followed := d.client(coordinator.Author), make(chan error, 1)
	go func() {
		followed <- c.Events(ctx, id, last, true, func(client.Event) error { return nil })
	}()
	if err := c.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := bustest.Wait(t, "the end of the stream", followed); err != nil && coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Error(err)
	}
}

// TestStreamBegins follows a job of which no event comes, as a client that takes compressed
// answers: the header is sent before the first line is written.
func TestStreamBegins(t *testing.T) {
	t.Parallel()
	d, ctx := newDesk(t, unlimited), bustest.Context(t)
	id, last := d.ended()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "/v1/jobs/"+string(id)+"/events?follow=true&since="+strconv.FormatUint(last, 10), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.keys[coordinator.Author])
	r.Header.Set("Accept-Encoding", "gzip")
	w := &order{header: http.Header{}}
	d.http.Config.Handler.ServeHTTP(w, r)
	if want := []string{"header 200", "flush", "write"}; len(w.did) < 3 || !slices.Equal(w.did[:3], want) {
		t.Errorf("got %v, want %v first", w.did, want)
	}
}

// order is a http.ResponseWriter that remembers what was done in which order.
type order struct {
	header http.Header
	did    []string
}

func (o *order) Header() http.Header    { return o.header }
func (o *order) WriteHeader(status int) { o.did = append(o.did, "header "+strconv.Itoa(status)) }
func (o *order) Flush()                 { o.did = append(o.did, "flush") }

func (o *order) Write(b []byte) (int, error) {
	if len(b) > 0 {
		o.did = append(o.did, "write")
	}
	return io.Discard.Write(b)
}
