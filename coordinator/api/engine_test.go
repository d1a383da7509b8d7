package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/coordinator/api"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestH1 is row H1: what the old engine's API could do has a route.
func TestH1(t *testing.T) {
	d := newDesk(t)
	for _, r := range []struct{ method, path, body, want string }{
		{"GET", "/v1/kinds", "", `"kind":"md5_hash"`},
		{"POST", "/v1/edges/check", `{"from":{"kind":"file_reader","config":{"format":"json_lines"}},"to":{"kind":"regex_match"}}`, `"legal":false`},
		{"POST", "/v1/edges/check", `{"from":{"kind":"file_reader"},"to":{"kind":"md5_hash"}}`, `"legal":true`},
		{"POST", "/v1/jobs", `{"source":"recipe: a\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n"}`, `"state":"pending"`},
	} {
		resp, body := d.do(r.method, r.path, r.body)
		if resp.StatusCode/100 != 2 || !strings.Contains(body, r.want) {
			t.Errorf("%s %s: got %d %.300s, want %s", r.method, r.path, resp.StatusCode, body, r.want)
		}
	}
	engine(t, d)
	resp, body := d.do("POST", "/v1/edges/check", `{"from":{"kind":"file_reeder"},"to":{"kind":"md5_hash"}}`)
	if p := problem(t, resp, body, 404, coordinator.Unknown); !strings.Contains(p.Hint, "file_reader") {
		t.Errorf("got hint %q", p.Hint)
	}
}

// engine sends a graph, runs it, stops it and lets it go on, as users of the old engine did; it
// does so by the routes that the docs' table of the old calls names.
func engine(t *testing.T, d *desk) {
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## The calls of the old engine")
	rows := regexp.MustCompile("\\| `([A-Z]+) (/v1/[^`]+)` \\|").FindAllStringSubmatch(table, -1)
	var doc struct{ Paths map[string]map[string]any }
	_, text := d.do("GET", "/v1/openapi.json", "")
	if err := json.Unmarshal([]byte(text), &doc); err != nil || len(rows) < 7 {
		t.Fatalf("got %v, %d rows of the docs' table", err, len(rows))
	}
	for _, row := range rows {
		if doc.Paths[row[2]][strings.ToLower(row[1])] == nil {
			t.Errorf("the docs name %s %s, and there is no such route", row[1], row[2])
		}
	}
	c, ctx := d.client(coordinator.Author), bustest.Context(t)
	const graph = "recipe: endless\nnodes:\n  n: {kind: integer_generator, config: {count: 1000000}}\n  w: {kind: delay, from: n, config: {duration: 1ms}}\n  p: {kind: printer, from: w}\n"
	if _, err := c.SaveRecipe(ctx, "endless", graph, nil); err != nil {
		t.Fatal(err)
	}
	stop := d.worker(nil)
	defer stop()
	j, err := c.Submit(ctx, coordinator.Submission{Recipe: "endless"}, "")
	if err != nil {
		t.Fatal(err)
	}
	state := func(want recipe.JobState) {
		t.Helper()
		bustest.Eventually(t, "the job is "+string(want), func() bool {
			got, err := c.Job(ctx, j.ID)
			return err == nil && got.State == want
		})
	}
	state(recipe.JobRunning)
	for _, step := range []struct {
		order string
		want  recipe.JobState
	}{{client.Stop, recipe.JobStopped}, {client.Resume, recipe.JobRunning}, {client.Stop, recipe.JobStopped}} {
		if _, err := c.Order(ctx, j.ID, step.order); err != nil {
			t.Fatal(step.order, err)
		}
		state(step.want)
	}
}

// TestH2 is row H2: wrong methods, unknown paths and what was never sent are told apart, at once.
func TestH2(t *testing.T) {
	d := newDesk(t)
	for _, r := range []struct {
		method, path, body string
		status             int
		code               coordinator.Family
	}{
		{"PUT", "/v1/jobs", "", 405, coordinator.Invalid},
		{"DELETE", "/v1/kinds", "", 405, coordinator.Invalid},
		{"GET", "/v1/nothing", "", 404, coordinator.Unknown},
		{"GET", "/", "", 404, coordinator.Unknown},
		{"GET", "/v1/jobs/abc", "", 404, coordinator.Unknown},
		{"POST", "/v1/jobs/abc/resume", "", 404, coordinator.Unknown},
		{"GET", "/v1/jobs/ABC", "", 422, coordinator.Invalid},
		{"GET", "/v1/jobs?limit=0", "", 422, coordinator.Invalid},
		{"GET", "/v1/jobs?after=x", "", 422, coordinator.Invalid},
		{"GET", "/v1/jobs?colour=red", "", 422, coordinator.Invalid},
		{"GET", "/v1/kinds/md5hash", "", 404, coordinator.Unknown},
		{"POST", "/v1/jobs", "{", 400, coordinator.Invalid},
		{"POST", "/v1/jobs", `{"source": 5}`, 422, coordinator.Invalid},
		{"POST", "/v1/jobs", `{"source": "` + strings.Repeat("x", api.MaxBody) + `"}`, 413, coordinator.TooLarge},
	} {
		began := time.Now()
		resp, body := d.do(r.method, r.path, r.body)
		problem(t, resp, body, r.status, r.code)
		if d := time.Since(began); d > bustest.Within(time.Second) {
			t.Errorf("%s %s took %v", r.method, r.path, d)
		}
		if r.status == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", r.method, r.path)
		}
	}
}

// TestH2Everywhere sends every method to every route, and to paths beside them: what is not for a
// path is 405 with what is, what is no path 404, what was never sent 404; each whole, within a second.
func TestH2Everywhere(t *testing.T) {
	d := newDesk(t, unlimited, withSecrets(t))
	_, text := d.do("GET", "/v1/openapi.json", "")
	var doc description
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{id}", "nosuchjob", "{name}", "nosuchname", "{secret}", "nosuch", "{kind}", "nosuchkind", "{prefix}", "nosuchkey", "{letter}", "nosuch", "{edge}", "e1")
	admin := []string{"Authorization", "Bearer " + d.keys[coordinator.Admin]}
	asked := 0
	ask := func(method, path, body string) (*http.Response, string) {
		t.Helper()
		began := time.Now()
		resp, answer := d.do(method, path, body, admin...)
		if took := time.Since(began); took > bustest.Within(time.Second) {
			t.Errorf("%s %s took %v", method, path, took)
		}
		asked++
		return resp, answer
	}
	for route, methods := range doc.Paths {
		path := fill.Replace(route)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if doc.serves(method, path) {
				continue
			}
			resp, body := ask(method, path, "")
			problem(t, resp, body, http.StatusMethodNotAllowed, coordinator.Invalid)
			for _, allowed := range strings.Split(resp.Header.Get("Allow"), ", ") {
				if allowed != "HEAD" && !doc.serves(allowed, path) {
					t.Errorf("%s %s: Allow says %q", method, path, allowed)
				}
			}
		}
		for _, beside := range []string{"/", "x", "/x/y/z", "/../nothing", "//"} {
			resp, _ := ask("GET", path+beside, "")
			if s := resp.StatusCode; s != 404 && s != 405 && s != 422 && !(beside == "x" && s < 400) {
				t.Errorf("GET %s%s: got %d", path, beside, s)
			}
		}
		if !strings.Contains(route, "{") {
			continue
		}
		for method, o := range methods { // nothing of all that was ever sent
			sent := goodBodies[o.ID]
			if o.ID == "save-recipe" || o.ID == "set-secret" { // they make it
				continue
			}
			resp, body := ask(strings.ToUpper(method), path, sent)
			if s := resp.StatusCode; s != 404 && s != 409 && s != 422 && !(s == 400 && sent == "" && o.Body != nil) {
				t.Errorf("%s %s: got %d %.200s, want 404 or 409", method, path, s, body)
			}
		}
	}
	if asked < 300 {
		t.Errorf("%d requests were made", asked)
	}
}

// serves reports whether a route takes a method of a path: that of another one may, where a
// name stands in place of its last word.
func (d *description) serves(method, path string) bool {
	for route, methods := range d.Paths {
		if methods[strings.ToLower(method)] != nil && regexp.MustCompile("^"+regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(route, "[^/]+")+"$").MatchString(path) {
			return true
		}
	}
	return false
}
