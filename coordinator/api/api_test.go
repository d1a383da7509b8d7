package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/coordinator/api"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/nodes/all"
	"sluice/recipe"
)

// desk is a coordinator on a server of its own, with a key for each role.
type desk struct {
	t     testing.TB
	http  *httptest.Server
	conn  *bus.Conn
	coord *daemon.Coordinator
	keys  map[coordinator.Role]string
}

func newDesk(t testing.TB, with ...func(*daemon.CoordinatorConfig)) *desk {
	t.Helper()
	return newDeskOn(t, bustest.Server(t), with...)
}

func newDeskOn(t testing.TB, server *bus.Server, with ...func(*daemon.CoordinatorConfig)) *desk {
	t.Helper()
	conn, ctx := bustest.Connect(t, server), bustest.Context(t)
	cfg := daemon.CoordinatorConfig{Name: "c", Version: "test", Projects: []daemon.Project{{Name: "default", Conn: conn}}, Catalogue: all.Catalogue()}
	for _, f := range with {
		f(&cfg)
	}
	c, err := daemon.NewCoordinator(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(run) }()
	t.Cleanup(func() { cancel(); <-done; c.Close() })
	d := &desk{t: t, conn: conn, coord: c, keys: map[coordinator.Role]string{}}
	keys, err := c.Keys("default")
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range coordinator.Roles {
		if _, d.keys[role], err = keys.Create(ctx, coordinator.Key{Name: "the " + string(role), Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	d.http = httptest.NewServer(c.Handler())
	t.Cleanup(func() {
		closed := make(chan struct{})
		go func() { defer close(closed); d.http.Close() }()
		bustest.Wait(t, "the end of all requests", closed)
	})
	return d
}

func (d *desk) client(role coordinator.Role) *client.Client {
	d.t.Helper()
	c, err := client.New(client.Config{URL: d.http.URL, Key: d.keys[role]})
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// do sends a request as the author and returns the answer and its body. A status that the API's
// description does not have is an error.
func (d *desk) do(method, path, body string, header ...string) (*http.Response, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(bustest.Context(d.t), method, d.http.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.keys[coordinator.Author])
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if !described(method, req.URL.EscapedPath(), resp.StatusCode) {
		d.t.Errorf("%s %s: the description does not have its status %d", method, path, resp.StatusCode)
	}
	return resp, string(b)
}

func problem(t *testing.T, resp *http.Response, body string, status int, code coordinator.Family) *api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if resp.StatusCode != status || p.Status != status || p.Code != code || p.Detail == "" || p.RequestID == "" || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %s: %s, want %d %s", resp.StatusCode, resp.Header.Get("Content-Type"), body, status, code)
	}
	return &p
}

const upper = `
recipe: upper
params: {path: {type: string, default: in}}
nodes:
  lines: {kind: file_reader, config: {path: "${path}"}}
  up:    {kind: to_uppercase, from: lines}
`

func submission() coordinator.Submission {
	return coordinator.Submission{Document: coordinator.Document{Source: upper}, Labels: map[string]string{"team": "blue"}, Priority: 3}
}

// TestSubmit submits, once and again, by the client.
func TestSubmit(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	c := d.client("author")
	one, err := c.Submit(ctx, submission(), "my key")
	if err != nil || one.Owner != "the author" || one.State != recipe.JobPending || one.Priority != 3 || one.Recipe != "upper" {
		t.Fatalf("got %+v, %v", one, err)
	}
	again, err := c.Submit(ctx, submission(), "my key")
	if err != nil || again.ID != one.ID {
		t.Errorf("the same again: got %+v, %v", again, err)
	}
	other := submission()
	other.Priority = 4
	if _, err := c.Submit(ctx, other, "my key"); coordinator.FamilyOf(err) != coordinator.Conflict {
		t.Errorf("another body: got %v", err)
	}
	if _, err := d.client("admin").Submit(ctx, other, "my key"); err != nil {
		t.Errorf("another user's key of the same name: got %v", err)
	}
	if _, err := d.client("viewer").Submit(ctx, other, ""); coordinator.FamilyOf(err) != coordinator.Forbidden {
		t.Errorf("a viewer: got %v", err)
	}
	page, err := c.Jobs(ctx, coordinator.Filter{Labels: map[string]string{"team": "blue"}, States: []recipe.JobState{recipe.JobPending, recipe.JobRunning}, Limit: 1})
	if err != nil || len(page.Jobs) != 1 || page.Next == "" {
		t.Errorf("got %+v, %v", page, err)
	}
	got, err := c.Job(ctx, one.ID)
	if err != nil || got.ID != one.ID || got.Revision < one.Revision {
		t.Errorf("got %+v, %v", got, err)
	}
	if j, err := c.Order(ctx, one.ID, client.Pause); err != nil || j.Want != coordinator.WantPause {
		t.Errorf("got %+v, %v", j, err)
	}
	if err := c.Delete(ctx, one.ID); coordinator.FamilyOf(err) != coordinator.Conflict {
		t.Errorf("deleted while it is not over: %v", err)
	}
}

// TestRefusedRecipe shows that the API tells of a recipe's faults as the compiler does.
func TestRefusedRecipe(t *testing.T) {
	d := newDesk(t)
	s := coordinator.Submission{Document: coordinator.Document{File: "a.yaml", Source: "recipe: a\nnodes:\n  x: {kind: md5hash}\n"}}
	_, err := d.client("author").Submit(bustest.Context(t), s, "")
	f, _ := err.(*coordinator.Fault)
	if f == nil || f.Family != coordinator.Refused || len(f.Found) != 1 {
		t.Fatalf("got %#v", err)
	}
	if got, want := f.Found[0].String(), "a.yaml:3:13: SL"; !strings.HasPrefix(got, want) || !strings.Contains(got, "md5_hash") {
		t.Errorf("got %q, want %q… and the nearest name", got, want)
	}
}

// TestDeadlineIn takes a deadline from now on, and refuses what is no time.
func TestDeadlineIn(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	s := submission()
	for text, good := range map[string]bool{"1h30m": true, "2": false, "-1s": false, "0s": false, "soon": false} {
		s.Within = text
		before := time.Now()
		j, err := d.client("author").Submit(ctx, s, "")
		if !good {
			if coordinator.FamilyOf(err) != coordinator.Invalid {
				t.Errorf("%s: got %+v, %v", text, j, err)
			}
			continue
		}
		if in := j.Deadline.Sub(before); err != nil || in < 90*time.Minute-time.Second || in > 90*time.Minute+bustest.Timeout {
			t.Errorf("%s: got a deadline in %v, %v", text, in, err)
		}
	}
}

// TestWhoAsks sends requests without a key, and with one that nobody has.
func TestWhoAsks(t *testing.T) {
	d := newDesk(t)
	for _, header := range []string{"", "Bearer", "Bearer nobody", "Basic author", "author"} {
		resp, body := d.do("GET", "/v1/jobs", "", "Authorization", header)
		problem(t, resp, body, 401, coordinator.Unnamed)
		if resp.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: no WWW-Authenticate", header)
		}
	}
}

// TestETags shows a job that was not changed, and refuses an order on one that was.
func TestETags(t *testing.T) {
	d, ctx := newDesk(t), bustest.Context(t)
	job, err := d.client("author").Submit(ctx, submission(), "")
	if err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the leader has looked at it", func() bool {
		j, err := d.client(coordinator.Author).Job(ctx, job.ID)
		return err == nil && j.Waiting != ""
	})
	path := "/v1/jobs/" + string(job.ID)
	resp, _ := d.do("GET", path, "")
	tag := resp.Header.Get("ETag")
	if resp, body := d.do("GET", path, "", "If-None-Match", tag); resp.StatusCode != 304 || body != "" {
		t.Errorf("got %d %s, want 304", resp.StatusCode, body)
	}
	if resp, body := d.do("POST", path+"/pause", "", "If-Match", tag); resp.StatusCode != 202 {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	resp, body := d.do("POST", path+"/resume", "", "If-Match", tag)
	problem(t, resp, body, 412, coordinator.Changed)
	resp, body = d.do("POST", path+"/resume", "", "If-Match", `"not one!"`)
	problem(t, resp, body, 422, coordinator.Invalid)
}

// TestAnswers looks at what every answer has: an id, compression where it helps, no sniffing.
func TestAnswers(t *testing.T) {
	d := newDesk(t)
	resp, body := d.do("GET", "/v1/kinds", "", "X-Request-Id", "my-id", "Accept-Encoding", "gzip")
	if resp.Header.Get("X-Request-Id") != "my-id" || resp.Header.Get("Content-Encoding") != "gzip" || !bytes.HasPrefix([]byte(body), []byte{0x1f, 0x8b}) {
		t.Errorf("got %v", resp.Header)
	}
	resp, _ = d.do("GET", "/v1/kinds", "", "X-Request-Id", "bad id\u00e9")
	if id := resp.Header.Get("X-Request-Id"); len(id) != 16 {
		t.Errorf("got id %q, want a new one", id)
	}
	resp, body = d.do("GET", "/v1/openapi.json", "")
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || resp.StatusCode != 200 || !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Paths["/v1/jobs"]["post"] == nil {
		t.Errorf("got %d, %v, %.200s", resp.StatusCode, err, body)
	}
}
