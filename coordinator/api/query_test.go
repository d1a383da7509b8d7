package api_test

import (
	"strings"
	"testing"

	"sluice/coordinator"
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
