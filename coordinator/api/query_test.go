package api_test

import (
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestQueries asks with parameters and values that are none: nothing is left unread.
func TestQueries(t *testing.T) {
	d := newDesk(t)
	for _, s := range []recipe.JobState{recipe.JobPending, recipe.JobRunning, recipe.JobDraining, recipe.JobPaused, recipe.JobStopped,
		recipe.JobSucceeded, recipe.JobFailed, recipe.JobCancelled} {
		if resp, body := d.do("GET", "/v1/jobs?state=running&state="+string(s), ""); resp.StatusCode != 200 {
			t.Errorf("state %s: got %d %s", s, resp.StatusCode, body)
		}
	}
	if resp, body := d.do("GET", "/v1/jobs?label=a=1&label=b=2&label=a=1", ""); resp.StatusCode != 200 {
		t.Errorf("a label that is asked for twice: got %d %s", resp.StatusCode, body)
	}
	for query, want := range map[string]string{
		"/v1/jobs?state=runing":               "pending, running, draining, paused, stopped, succeeded, failed, cancelled",
		"/v1/jobs?state=running&state=failde": "cancelled",
		"/v1/jobs?stat=running":               "query.stat",
		"/v1/jobs?State=running":              "query.State",
		"/v1/jobs/abc?x=1":                    "query.x",
		"/v1/kinds?x":                         "query.x",
		"/v1/artifacts?jobs=a":                "query.jobs",
		"/v1/audit?outcome=bad":               "allowed",
		"/v1/workers?pool=a":                  "query.pool",
		"/v1/recipes?macth=a":                 "query.macth",
		"/v1/jobs?label=a=1&label=a=2":        "no job has both",
		"/v1/keys?limit=0":                    "query.limit",
	} {
		key := coordinator.Author
		if strings.HasPrefix(query, "/v1/audit") || strings.HasPrefix(query, "/v1/keys") {
			key = coordinator.Admin
		}
		resp, body := d.do("GET", query, "", "Authorization", "Bearer "+d.keys[key])
		problem(t, resp, body, 422, coordinator.Invalid)
		if !strings.Contains(body, want) {
			t.Errorf("%s: got %s, want %q in it", query, body, want)
		}
	}
}

// TestBounds sends numbers that pass a bound: the answer says which, what they are and what they may be.
func TestBounds(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ method, path, body, at, want string }{
		{"POST", "/v1/jobs", `{"source":"nodes: {}","priority":11}`, "body.priority", "want a number from -10 to 10, got 11"},
		{"POST", "/v1/jobs", `{"source":"nodes: {}","priority":-1e30}`, "body.priority", "want a number from -10 to 10, got -1e+30"},
		{"POST", "/v1/jobs", `{"source":"nodes: {}","priority":1.5}`, "body.priority", "expected integer"},
		{"GET", "/v1/jobs?limit=501", "", "query.limit", "want a number from 1 to 500, got 501"},
	} {
		resp, body := d.do(c.method, c.path, c.body)
		p := problem(t, resp, body, 422, coordinator.Invalid)
		if len(p.Errors) != 1 || p.Errors[0].Location != c.at || p.Errors[0].Message != c.want {
			t.Errorf("%s %s: got %s", c.path, c.body, body)
		}
	}
	doc := submission()
	doc.Priority = 11
	_, err := d.client(coordinator.Author).Submit(bustest.Context(t), doc, "")
	if err == nil || err.Error() != "priority: want a number from -10 to 10, got 11" {
		t.Errorf("the client got %v", err)
	}
}
