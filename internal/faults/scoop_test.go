//go:build linux

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"sluice/client"
	"sluice/coordinator"
	"sluice/coordinator/secret"
	"sluice/recipe"
)

// scoop gathers all that a cluster says, writes and sends.
type scoop struct {
	*cluster
	api    *client.Client
	at     string // address of the API, on a link that is listened to
	token  string
	users  *wire // what users and the API say to each other
	loads  *wire // the same, while secrets are uploaded
	plain  *http.Client
	last   recipe.JobID  // a job with letters
	socket chan struct{} // closed when what the socket said was kept

	mu    sync.Mutex
	heard map[string][][]byte // by place; guarded by mu
	must  map[string]string   // what shows that a place is watched, where it can't be the decoy
}

func (s *scoop) keep(place string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[place] = append(s.heard[place], data)
}

// newScoop starts a cluster whose traffic and traces are kept, and whose temporary files are in tmp.
func newScoop(t *testing.T, binary, tmp string) *scoop {
	s := &scoop{users: &wire{}, loads: &wire{}, heard: map[string][][]byte{}, socket: make(chan struct{}),
		plain: &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}}
	s.must = map[string]string{"audit": "set-secret", "traces": "sluice-coordinator", "metrics": "sluice_", "processes": "coordinator", "command line": "plain",
		"the uploads' answers": "HTTP/1.1 200", "coordinators' logs": "goroutine ", "servers": "jetstream", "answers": "openapi", "servers' logs": "Server is ready"}
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(io.LimitReader(r.Body, 64<<20))
		s.keep("traces", data)
	}))
	t.Cleanup(collector.Close)
	keys := filepath.Join(t.TempDir(), "master.key")
	if _, err := secret.EnsureKeyring(keys); err != nil {
		t.Fatal(err)
	}
	env := []string{"TMPDIR=" + tmp, "SLUICE_SECRET_KEY_FILE=" + keys, "SLUICE_OTLP_ENDPOINT=" + collector.URL, "SLUICE_TRACE_SHARE=1"}
	s.cluster = newCluster(t, shape{servers: 1, coordinators: 1, workers: 2, folder: true, build: binary, heard: &wire{}, tmp: tmp, env: env})
	if err := os.WriteFile(filepath.Join(s.root, "ways.txt"), []byte(ways), 0o600); err != nil {
		t.Fatal(err)
	}
	s.token = s.admin(t.Context())
	_, near := newLink(t, []string{s.metrics[s.coords[0]]}, s.users)
	s.at = "http://" + near[0]
	var err error
	if s.api, err = client.New(client.Config{URL: s.at, Key: s.token}); err != nil {
		t.Fatal(err)
	}
	return s
}

// cli runs a command of sluice, and keeps what it says.
func (s *scoop) cli(ctx context.Context, server, stdin string, args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(ctx, s.build, args...)
	cmd.Dir, cmd.Stdin = s.dir, strings.NewReader(stdin)
	cmd.Env = append(append(os.Environ(), s.env...), "SLUICE_SERVER="+server, "SLUICE_KEY="+s.token)
	out, err := cmd.CombinedOutput()
	s.keep("command line", out)
	if err != nil {
		s.t.Errorf("sluice %v: %v\n%s", args, err, out)
	}
}

// upload sets the secrets by the command, on a link of their own: there, and only on the way to
// the API, they are.
func (s *scoop) upload(ctx context.Context) {
	_, near := newLink(s.t, []string{s.metrics[s.coords[0]]}, s.loads)
	s.cli(ctx, "http://"+near[0], canary, "secrets", "set", "wild")
	s.cli(ctx, "http://"+near[0], plain, "secrets", "set", "plain")
	wild, simple := newLeak(canary), newLeak(plain)
	seen := 0
	for _, data := range s.loads.all() {
		if bytes.HasPrefix(data, []byte("HTTP/1.1 ")) {
			s.keep("the uploads' answers", data)
		} else if wild.in(data) != "" || simple.in(data) != "" {
			seen++
		}
	}
	if seen != 2 {
		s.t.Errorf("%d uploads were seen on the link, want 2: what is sent is not kept", seen)
	}
	s.listen(ctx)
}

// listen opens a socket for all events, as a browser does.
func (s *scoop) listen(ctx context.Context) {
	var ticket struct {
		Ticket string `json:"ticket"`
	}
	_, body := s.http(ctx, http.MethodPost, "/v1/tickets", "")
	if err := json.Unmarshal(body, &ticket); err != nil || ticket.Ticket == "" {
		s.t.Fatalf("got %s, %v", body, err)
	}
	c, _, err := websocket.Dial(ctx, strings.Replace(s.at, "http", "ws", 1)+"/v1/events", &websocket.DialOptions{Subprotocols: []string{"sluice.v1", "ticket." + ticket.Ticket}})
	if err != nil {
		s.t.Fatal(err)
	}
	c.SetReadLimit(4 << 20)
	if err := c.Write(ctx, websocket.MessageText, []byte(`{"type":"subscribe","id":"all","filter":{}}`)); err != nil {
		s.t.Fatal(err)
	}
	go func() { // until the coordinator ends
		defer close(s.socket)
		for {
			_, data, err := c.Read(ctx)
			if err != nil {
				return
			}
			s.keep("socket", data)
		}
	}()
}

// http asks the API and returns the status and the body.
func (s *scoop) http(ctx context.Context, method, path, body string) (int, []byte) {
	s.t.Helper()
	return s.get(ctx, method, s.at+path, body)
}

func (s *scoop) get(ctx context.Context, method, url, body string) (int, []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.plain.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, data
}

// run runs a job with a value or a reference, waits for its end and keeps what is said of it.
func (s *scoop) run(ctx context.Context, name, text string) {
	s.t.Helper()
	j, err := s.api.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: recipeOf(name, text), File: name + ".yaml"}}, "")
	if err != nil {
		s.fatalf("submit %s: %v: %+v", name, err, err)
	}
	end, err := s.reaches(ctx, j.ID, recipe.JobState.Final)
	if err != nil || !end.State.Final() {
		s.fatalf("%s: %s %s, %v", name, end.State, end.Waiting, err)
	}
	if failed := end.State == recipe.JobFailed; failed == (strings.HasPrefix(name, "letters") || strings.HasPrefix(name, "field")) {
		s.t.Errorf("job %s has %s: %s", name, end.State, end.Reason)
	}
	at := "/v1/jobs/" + string(j.ID)
	for path, place := range map[string]string{"": "jobs", "/plan": "plans", "/recipe": "plans", "/events": "events", "/dead?limit=500": "dead letters", "/results": "answers"} {
		status, body := s.http(ctx, http.MethodGet, at+path, "")
		if status >= 500 {
			s.t.Errorf("%s%s: %d %s", name, path, status, body)
		}
		s.keep(place, body)
	}
	page, err := s.api.Letters(ctx, j.ID, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	if n := strings.Count(ways, "\n") - 1; strings.HasPrefix(name, "letters") && len(page.Letters) != n {
		s.t.Errorf("%s: %d dead letters, want %d", name, len(page.Letters), n)
	}
	for _, l := range page.Letters {
		_, body := s.http(ctx, http.MethodGet, at+"/dead/"+l.ID, "")
		s.keep("dead letters", body)
	}
	if strings.HasPrefix(name, "letters") {
		s.last = j.ID
		s.replay(ctx, at)
	}
}

// replay runs a job's letters once more: what failed fails again.
func (s *scoop) replay(ctx context.Context, at string) {
	s.t.Helper()
	status, body := s.http(ctx, http.MethodPost, at+"/dead/replay", "{}")
	var got struct{ Jobs []coordinator.Job }
	if err := json.Unmarshal(body, &got); err != nil || status/100 != 2 || len(got.Jobs) != 1 {
		s.t.Fatalf("replay: %d %s", status, body)
	}
	s.keep("jobs", body)
	end, err := s.reaches(ctx, got.Jobs[0].ID, recipe.JobState.Final)
	if err != nil || !end.State.Final() {
		s.fatalf("replay: %s %s, %v", end.State, end.Waiting, err)
	}
	_, body = s.http(ctx, http.MethodGet, "/v1/jobs/"+string(end.ID)+"/dead?limit=500", "")
	s.keep("dead letters", body)
}

// ask asks for all that can be asked of the cluster, also in ways that are refused with a secret
// in reach.
func (s *scoop) ask(ctx context.Context) {
	for path, place := range map[string]string{"/v1/audit?limit=1000": "audit", "/v1/jobs?limit=500": "jobs", "/v1/workers": "answers", "/v1/secrets": "answers",
		"/v1/openapi.json": "answers", "/v1/kinds/hmac": "answers", "/v1/artifacts": "answers", "/v1/keys": "answers", "/metrics": "metrics", "/healthz": "answers", "/readyz": "answers"} {
		_, body := s.http(ctx, http.MethodGet, path, "")
		s.keep(place, body)
	}
	_, near := newLink(s.t, []string{s.metrics[s.coords[0]]}, nil) // these uploads are not to be seen
	for path, body := range map[string]string{"token": `{"value":["` + plain + `"]}`, "plain": `{"value":"` + plain + `","` + plain, "n%20o": `{"value":"` + plain + `"}`, "plain?x=1": `{"value":"` + plain + `"}`} {
		status, answer := s.get(ctx, http.MethodPut, "http://"+near[0]+"/v1/secrets/"+path, body)
		if status < 400 {
			s.t.Errorf("%s is taken: %d %s", path, status, answer)
		}
		s.keep("answers", answer)
	}
	for _, p := range s.workers {
		_, body := s.get(ctx, http.MethodGet, "http://"+s.metrics[p]+"/metrics", "")
		s.keep("metrics", body)
	}
	for _, path := range []string{"/varz", "/connz?subs=1", "/jsz?streams=1&consumers=1&config=1", "/subsz?subs=1", "/accountz"} {
		_, body := s.get(ctx, http.MethodGet, "http://"+s.watch[0]+path, "")
		s.keep("servers", body)
	}
	s.cli(ctx, s.at, "", "secrets", "list", "-o", "json")
	s.cli(ctx, s.at, "", "jobs", "-o", "yaml")
	s.cli(ctx, s.at, "", "workers", "-o", "json")
	s.cli(ctx, s.at, "", "dead", "list", "--job", string(s.last))
	s.cli(ctx, s.at, "", "logs", string(s.last))
	s.cli(ctx, s.at, "", "config", "check", "--for", "coordinator")
	for _, p := range s.all() {
		for _, name := range []string{"cmdline", "environ"} {
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name))
			if err != nil {
				s.t.Error(err)
			}
			s.keep("processes", data)
		}
	}
}

// end ends all: the workers and coordinators so that they tell of every goroutine.
func (s *scoop) end(context.Context) {
	for _, p := range append(append([]*process(nil), s.workers...), s.coords...) {
		p.told.Store(true)
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		<-p.done
	}
	<-s.socket
	s.servers[0].end()
	for place, w := range map[string]*wire{"NATS": s.cluster.heard, "users' traffic": s.users} {
		for _, data := range w.all() {
			s.keep(place, data)
		}
		if w.full {
			s.t.Errorf("%s: it was too much to keep", place)
		}
	}
}

// files keeps every file below a folder.
func (s *scoop) files(dir string) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		place := "stored files"
		switch name := filepath.Base(path); {
		case strings.HasPrefix(name, "worker-"):
			place = "workers' logs"
		case strings.HasPrefix(name, "coordinator-"):
			place = "coordinators' logs"
		case strings.HasPrefix(name, "nats-") && strings.HasSuffix(name, ".log"):
			place = "servers' logs"
		}
		s.keep(place, append([]byte(path+"\n"), data...))
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}
