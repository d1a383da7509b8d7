package api_test

import (
	"bytes"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/internal/telemetry"
	"sluice/recipe"
)

// canary is a secret's value. A part of it is as bad as all of it.
const canary = "TOPSECRETCANARY5e1f7"

// leaking are recipes whose nodes use the secret and fail with it in what they say: a record, or
// the job. None makes records of it, which are data as all others.
var leaking = map[string]string{
	"dead": `
recipe: dead
nodes:
  n:    {kind: integer_generator, config: {count: 3}}
  text: {kind: to_string, from: n}
  made: {kind: hmac, from: text, config: {key: "${secret:token}"}}
  json: {kind: parse_json, from: text}
  no:   {kind: count_by, from: json, config: {field: "${secret:token}"}}
  all:  {kind: printer, from: no}
  more: {kind: printer, from: made}
`,
	"fetch": `
recipe: fetch
nodes:
  bad: {kind: fetch_url, config: {url: "http://127.0.0.1:9/${secret:token}"}}
  all: {kind: printer, from: bad}
`,
	"fails": `
recipe: fails
nodes:
  in:  {kind: file_reader, config: {path: "${secret:token}"}}
  out: {kind: printer, from: in}
`,
}

// TestCanary sets a secret through the API and uses it where it goes wrong: its value is in no
// log, event, dead letter, plan, audit entry, problem or metric, in nothing that is stored, and in
// nothing that anybody may hear on NATS.
func TestCanary(t *testing.T) {
	dir, log, ctx := t.TempDir(), &lines{}, bustest.Context(t)
	server := bustest.Start(t, bus.ServerConfig{Dir: dir})
	heard := overhear(t, bustest.Connect(t, server))
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: log})
	watched := telemetry.New("coordinator", "test")
	d := newDeskOn(t, server, withSecrets(t), func(c *daemon.CoordinatorConfig) { c.Log, c.Watched = logger, watched })
	c := d.client(coordinator.Admin)
	if _, err := c.SetSecret(ctx, "token", canary); err != nil {
		t.Fatal(err)
	}
	told := &strings.Builder{}
	hear := func(method, path, body string) {
		t.Helper()
		_, answer := d.do(method, path, body, "Authorization", "Bearer "+d.keys[coordinator.Admin])
		told.WriteString(method + " " + path + ": " + answer + "\n")
	}
	jobs := map[string]coordinator.Job{}
	for name, source := range leaking { // while no worker says that it reads no files
		j, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: source, File: name + ".yaml"}}, "")
		if err != nil {
			t.Fatal(name, err)
		}
		jobs[name] = j
	}
	stop := d.worker(logger)
	var ended []recipe.JobState
	for name, j := range jobs {
		ended = append(ended, d.over(c, j.ID))
		if name == "fails" && ended[len(ended)-1] != recipe.JobFailed {
			t.Errorf("job %s has %s: the test is of no use", j.ID, ended[len(ended)-1])
		}
		at := "/v1/jobs/" + string(j.ID)
		for _, path := range []string{"", "/plan", "/recipe", "/events", "/dead", "/results"} {
			hear("GET", at+path, "")
		}
		letters, err := c.Letters(ctx, j.ID, "", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range letters.Letters {
			hear("GET", at+"/dead/"+l.ID, "")
		}
		if name == "dead" && len(letters.Letters) == 0 {
			t.Errorf("job %s has no dead letters: the test is of no use", j.ID)
		}
		hear("POST", at+"/retry", "")
	}
	stop()
	// What is refused is not told either.
	hear("PUT", "/v1/secrets/token", `{"value":["`+canary+`"]}`)
	hear("PUT", "/v1/secrets/token", `{"value":"`+canary+`","`+canary+``)
	hear("PUT", "/v1/secrets/TOKEN%20no", `{"value":"`+canary+`"}`)
	for _, path := range []string{"/v1/secrets", "/v1/audit?limit=1000", "/v1/jobs", "/v1/workers", "/v1/artifacts"} {
		hear("GET", path, "")
	}
	recorded := httptest.NewRecorder()
	watched.Handler().ServeHTTP(recorded, httptest.NewRequest("GET", "/metrics", nil))
	unsaid(t, "an answer", told.String())
	unsaid(t, "the metrics", recorded.Body.String())
	unsaid(t, "the log", log.String())
	unsaid(t, "what is heard on NATS", heard())
	server.Shutdown()
	stored := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		stored += bytes.Count(text, []byte("${secret:token}"))
		unsaid(t, path, string(text))
		return err
	})
	if err != nil || stored == 0 || len(ended) != len(leaking) || !strings.Contains(told.String(), "${secret:token}") {
		t.Errorf("got %v, %v; the secret's name is stored in %d places", err, ended, stored)
	}
}

// overhear keeps all that passes on NATS and is Sluice's, and what is answered.
func overhear(t *testing.T, conn *bus.Conn) func() string {
	var mu sync.Mutex
	var all bytes.Buffer
	for _, subject := range []string{"sluice.>", "_INBOX.>"} {
		stop, err := conn.Subscribe(subject, func(subject string, data []byte) {
			mu.Lock()
			defer mu.Unlock()
			all.WriteString(subject + ": ")
			all.Write(data)
			all.WriteByte('\n')
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
	}
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		if !strings.Contains(all.String(), "sluice.") {
			t.Error("nothing was heard")
		}
		return all.String()
	}
}

func unsaid(t *testing.T, where, text string) {
	t.Helper()
	for _, part := range []string{canary, "TOPSECRET", "CANARY5e1f7"} {
		if at := strings.Index(text, part); at >= 0 {
			t.Errorf("%s has the secret's value: %q", where, text[max(0, at-150):min(len(text), at+150)])
			return
		}
	}
}
