package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/internal/telemetry"
	"sluice/nodes/all"
)

// foreign are the values that path parameters have for what is the other project's.
type foreign struct {
	*desk
	jobs, artifact, upload, letter, prefix string
}

// twoProjects is a coordinator of two projects: of the desks that are returned the first has the
// keys of project a, and the other those of b, in which there is one of everything.
func twoProjects(t *testing.T) (a *desk, b *foreign) {
	ctx := bustest.Context(t)
	of := map[string]*desk{"a": {t: t}, "b": {t: t}}
	var projects []daemon.Project
	for _, name := range []string{"a", "b"} { // a project is an account: here, a server
		of[name].conn = bustest.Connect(t, bustest.Server(t))
		projects = append(projects, daemon.Project{Name: name, Conn: of[name].conn})
	}
	cfg := daemon.CoordinatorConfig{Name: "c", Version: "test", Projects: projects, Catalogue: all.Catalogue(), Watched: telemetry.New("coordinator", "test")}
	unlimited(&cfg)
	withSecrets(t)(&cfg)
	c, err := daemon.NewCoordinator(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(run) }()
	t.Cleanup(func() { cancel(); <-done; c.Close() })
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	for name, d := range of {
		keys, err := c.Keys(name)
		if err != nil {
			t.Fatal(err)
		}
		d.http, d.keys = server, map[coordinator.Role]string{}
		for _, role := range coordinator.Roles {
			if _, d.keys[role], err = keys.Create(ctx, coordinator.Key{Name: string(role) + " of " + name, Role: role}); err != nil {
				t.Fatal(err)
			}
		}
	}
	b = &foreign{desk: of["b"]}
	b.fill(ctx)
	return of["a"], b
}

// theirs stands in all that project b has.
const theirs = "bluewhale"

// fill makes one of everything.
func (b *foreign) fill(ctx context.Context) {
	b.t.Helper()
	c := b.client(coordinator.Admin)
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	_, err := c.SaveRecipe(ctx, theirs, strings.Replace(upper, "upper", theirs, 1), nil)
	must(err)
	_, err = c.SetSecret(ctx, theirs, "a value of "+theirs)
	must(err)
	file := b.t.TempDir() + "/" + theirs
	must(os.WriteFile(file, []byte(theirs), 0o600))
	art, err := c.Upload(ctx, file)
	must(err)
	b.artifact = art.ID
	stop := b.worker(nil)
	j, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: strings.Replace(failing, "recipe: failing", "recipe: "+theirs, 1)}, Labels: map[string]string{"team": theirs}}, "")
	must(err)
	b.over(c, j.ID)
	stop()
	letters, err := c.Letters(ctx, j.ID, "", "")
	must(err)
	b.jobs, b.letter = string(j.ID), letters.Letters[0].ID
	b.prefix = strings.Split(b.keys[coordinator.Viewer], "_")[1]
	var up struct{ Upload struct{ ID string } }
	_, body := b.do("POST", "/v1/uploads", `{"name":"`+theirs+`","size":10}`)
	must(json.Unmarshal([]byte(body), &up))
	b.upload = up.Upload.ID
}

// used is when a key was used last, which looking at it changes.
var used = regexp.MustCompile(`,"used":"[^"]*"`)

// owned is the name of a key of b.
var owned = regexp.MustCompile(`(viewer|operator|author|admin) of b"`)

// path fills a route's path in with what is b's.
func (b *foreign) path(route string) string {
	id := b.jobs
	switch {
	case strings.HasPrefix(route, "/v1/artifacts"):
		id = b.artifact
	case strings.HasPrefix(route, "/v1/uploads"):
		id = b.upload
	}
	return strings.NewReplacer("{id}", id, "{name}", theirs, "{secret}", theirs, "{kind}", "md5_hash", "{prefix}", b.prefix, "{letter}", b.letter, "{edge}", "e1").Replace(route)
}

// TestN6Projects walks every route with keys of project a against what is b's, also by names and
// ids that a knows, and by asking for project b: nothing of it is told, used or changed, and a
// list has nothing of it. With b's own keys the same requests are answered.
func TestN6Projects(t *testing.T) {
	a, b := twoProjects(t)
	_, body := a.do("GET", "/v1/openapi.json", "")
	var doc description
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	snapshot := func() string {
		all := ""
		for _, path := range []string{"/v1/jobs/" + b.jobs, "/v1/jobs/" + b.jobs + "/dead", "/v1/jobs", "/v1/recipes/" + theirs, "/v1/secrets", "/v1/artifacts", "/v1/keys", "/v1/uploads/" + b.upload} {
			resp, body := b.do("GET", path, "", "Authorization", "Bearer "+b.keys[coordinator.Admin])
			all += fmt.Sprintf("%s: %d %s\n", path, resp.StatusCode, used.ReplaceAllString(body, ""))
		}
		return all
	}
	b.announce(theirs)
	before := snapshot()
	if strings.Count(before, theirs) < 5 || strings.Contains(before, ": 4") {
		t.Fatalf("project b has not all that it should have: %s", before)
	}
	walked, found := 0, 0
	for _, o := range doc.operations() {
		path := b.path(o.path)
		if o.ID == "list-job-events" {
			path += "?follow=false"
		}
		sent := goodBodies[o.ID]
		if o.ID == "import-recipes" || o.ID == "save-recipe" || o.ID == "set-secret" || o.ID == "create-key" || o.ID == "submit-job" {
			sent = "" // they make something of a's
		}
		for _, role := range []coordinator.Role{coordinator.Admin, coordinator.Viewer} {
			for _, way := range [][]string{nil, {"X-Project", "b"}, {"Sluice-Project", "b"}} {
				resp, body := a.do(o.method, path, sent, append([]string{"Authorization", "Bearer " + a.keys[role]}, way...)...)
				walked++
				tells := strings.Contains(body, theirs) && resp.StatusCode < 400 && o.ID != "list-audit" // which has what a itself asked for
				if tells || owned.MatchString(body) || strings.Contains(body, "a value of") {
					t.Errorf("%s %s as %s of a tells of b: %d %.300s", o.method, path, role, resp.StatusCode, body)
				}
				if named := strings.ContainsAny(o.path, "{") && !strings.Contains(o.path, "{kind}"); named && resp.StatusCode < 400 {
					t.Errorf("%s %s as %s of a: got %d %.300s", o.method, path, role, resp.StatusCode, body)
				}
			}
		}
	}
	if after := snapshot(); after != before {
		t.Errorf("project b was changed: %s\nbefore: %s", after, before)
	}
	for _, o := range doc.operations() { // the same with b's key: what was asked for is there
		if o.method != "GET" || !strings.Contains(o.path, "{") {
			continue
		}
		resp, body := b.do("GET", b.path(o.path), "", "Authorization", "Bearer "+b.keys[coordinator.Admin])
		if resp.StatusCode < 400 || resp.StatusCode == 422 { // of those that need a parameter
			found++
		} else {
			t.Errorf("%s with b's key: got %d %.200s", b.path(o.path), resp.StatusCode, body)
		}
	}
	if walked < 250 || found < 12 {
		t.Errorf("walked %d times, found %d things of b with its own key", walked, found)
	}
	crossing(t, a, b)
}

// crossing uses what is b's from within a's own documents.
func crossing(t *testing.T, a *desk, b *foreign) {
	ctx := bustest.Context(t)
	c := a.client(coordinator.Admin)
	for what, s := range map[string]coordinator.Submission{
		"a saved recipe":   {Recipe: theirs},
		"one that is used": {Document: coordinator.Document{Source: "recipe: a\nnodes:\n  x: {kind: \"recipe:" + theirs + "@1\"}\n"}},
	} {
		if _, err := c.Submit(ctx, s, ""); coordinator.FamilyOf(err) != coordinator.Unknown && coordinator.FamilyOf(err) != coordinator.Refused {
			t.Errorf("%s: got %v", what, err)
		}
	}
	stop := a.worker(nil)
	defer stop()
	for what, source := range map[string]string{
		"a secret":    "recipe: a\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n  t: {kind: to_string, from: n}\n  h: {kind: hmac, from: t, config: {key: \"${secret:" + theirs + "}\"}}\n",
		"an artifact": "recipe: a\nnodes:\n  n: {kind: file_reader, config: {path: \"artifact:" + b.artifact + "/" + theirs + "\"}}\n  o: {kind: printer, from: n}\n",
	} {
		j, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: source}}, "")
		if err != nil {
			continue // refused at once is as good
		}
		if state := a.over(c, j.ID); state == "succeeded" {
			t.Errorf("%s of b: job %s has %s", what, j.ID, state)
		}
	}
}
