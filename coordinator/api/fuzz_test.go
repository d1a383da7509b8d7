package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/internal/figures"
)

var long = flag.Bool("long", false, "run the long forms of the tests")

// seedVariable sets the seed of generated requests, to see a run again.
const seedVariable = "SLUICE_SEED"

// TestFuzz sends requests that are made of the API's own description over every route: valid,
// nearly valid and wild ones. None meets an error inside, or one that is no whole problem, none
// takes long, and no answer or line of the log has what may be a secret.
func TestFuzz(t *testing.T) {
	n := 3000
	if *long {
		n = 100_000
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	f := newFuzzer(t, seed)
	go f.watch(t.Context())
	var next atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				f.one(int(i))
			}
		})
	}
	all.Wait()
	f.report(n)
}

// fuzzer sends generated requests and looks at the answers.
type fuzzer struct {
	*desk
	seed   uint64
	doc    description
	ops    []*operation
	client *http.Client
	log    *lines
	bodies map[string]string // good ones, by operation

	kept string // a job that has ended, and stays

	// When the machine last gave the whole process no turn, and how many slow answers that has cost.
	stalled, excused atomic.Int64

	mu       sync.Mutex
	pools    map[string][]string      // values that exist, by name; guarded by mu
	statuses map[string]map[int]int   // by operation; guarded by mu
	slowest  map[string]time.Duration // by operation; guarded by mu
	said     int                      // faults that were told; guarded by mu
}

// goodBodies are bodies that are done as they are, by operation.
var goodBodies = map[string]string{
	"submit-job":    `{"source":"recipe: a\nparams: {n: {type: int, default: 1}}\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n","labels":{"team":"blue"}}`,
	"plan-recipe":   `{"source":"recipe: a\nparams: {n: {type: int, default: 1}}\nnodes:\n  n: {kind: integer_generator, config: {count: \"${n}\"}}\n","params":{"n":7}}`,
	"save-recipe":   `{"source":"recipe: known\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n"}`,
	"check-edge":    `{"from":{"kind":"file_reader","config":{"format":"json_lines"}},"to":{"kind":"regex_match"}}`,
	"create-upload": `{"name":"file","size":10}`,
	"replay-dead":   `{}`,
	"append-upload": "0123456789",
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func newFuzzer(t *testing.T, seed uint64) *fuzzer {
	f := &fuzzer{seed: seed, log: &lines{}, statuses: map[string]map[int]int{}, slowest: map[string]time.Duration{}, bodies: maps.Clone(goodBodies), client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true, ExpectContinueTimeout: 5 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	f.desk = newDesk(t, unlimited, withSecrets(t), func(c *daemon.CoordinatorConfig) {
		c.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: f.log})
	})
	t.Cleanup(f.client.CloseIdleConnections)
	_, body := f.do("GET", "/v1/openapi.json", "")
	if err := json.Unmarshal([]byte(body), &f.doc); err != nil {
		t.Fatal(err)
	}
	f.ops = f.doc.operations()
	f.fill()
	return f
}

func unlimited(c *daemon.CoordinatorConfig) { c.PerAddress, c.PerUser = -1, -1 }

// fill makes things that requests may name: jobs in several states, recipes, secrets and files.
func (f *fuzzer) fill() {
	c, ctx := f.desk.client(coordinator.Admin), bustest.Context(f.t)
	f.pools = map[string][]string{"name": {"known"}, "secret": {"token"}, "kind": {"md5_hash", "file_reader", "regex_match", "to_uppercase"}, "port": {"in", "out"}, "recipe": {"known", "known@1", "known@latest", "upper"},
		"source": {upper, "recipe: a\nnodes:\n  n: {kind: integer_generator, config: {count: 1}}\n", "recipe: a\nnodes:\n  x: {kind: md5hash}\n", "recipe: [", strings.Repeat("a: {", 300)}, "match": {"known", "kno"},
		"state": {"pending", "cancelled"}, "label": {"team=blue"}, "node": {"up", "out", "out"}, "at": {"lines", "lines.out", "e1", "up"}, "for": {"1"}, "If-None-Match": {`"1"`, "*", `W/"1"`}, "If-Match": {`"1"`, "*", `"0"`}, "after": {"known"},
		"version": {"1", "2", "0"}, "from": {"1", "2"}, "to": {"1", "2"}, "size": {"10"}, "Upload-Offset": {"0"}, "Range": {"bytes=0-3", "bytes=100-"}}
	for _, source := range []string{upper, upper + "  more: {kind: md5_hash, from: lines}\n"} {
		if _, err := c.SaveRecipe(ctx, "known", source, nil); err != nil {
			f.t.Fatal(err)
		}
	}
	if _, err := c.SetSecret(ctx, "token", "a value"); err != nil {
		f.t.Fatal(err)
	}
	for i := range 8 {
		j, err := c.Submit(ctx, submission(), "")
		if err == nil && i%2 == 0 {
			_, err = c.Order(ctx, j.ID, client.Cancel)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		f.pools["jobs"] = append(f.pools["jobs"], string(j.ID))
	}
	f.finished()
	var archive bytes.Buffer
	if err := c.ExportRecipes(ctx, nil, &archive); err != nil {
		f.t.Fatal(err)
	}
	f.bodies["import-recipes"] = archive.String()
	file := f.t.TempDir() + "/file"
	if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o600); err != nil {
		f.t.Fatal(err)
	}
	a, err := c.Upload(ctx, file)
	if err != nil {
		f.t.Fatal(err)
	}
	f.pools["artifacts"] = []string{a.ID}
	f.announce("known")
}

// finished runs a job that ends with a dead letter and a file, on a worker that then goes.
func (f *fuzzer) finished() {
	c, ctx := f.desk.client(coordinator.Admin), bustest.Context(f.t)
	stop := f.worker(nil)
	j, err := c.Submit(ctx, coordinator.Submission{Document: coordinator.Document{Source: failing}}, "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.over(c, j.ID)
	stop()
	letters, err := c.Letters(ctx, j.ID, "", "")
	if err != nil || len(letters.Letters) == 0 {
		f.t.Fatalf("got %+v, %v", letters, err)
	}
	f.kept = string(j.ID)
	for range 4 { // named as often as all others
		f.pools["jobs"] = append(f.pools["jobs"], string(j.ID))
	}
	f.pools["letter"], f.pools["ids"] = []string{letters.Letters[0].ID}, []string{letters.Letters[0].ID}
}

// known returns the values that exist for a name of an operation.
func (f *fuzzer) known(o *operation, name string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "id" {
		name = strings.Split(o.path, "/")[2]
	}
	all := f.pools[name]
	if o.ID == "delete-job" || o.ID == "purge-dead" { // what has ended with results and dead letters stays
		all = slices.DeleteFunc(slices.Clone(all), func(v string) bool { return v == f.kept })
	}
	return all
}

// learn keeps what an answer has made, so that later requests name it.
func (f *fuzzer) learn(o *operation, body []byte) {
	var made struct {
		ID     string              `json:"id"`
		Prefix string              `json:"prefix"`
		Next   string              `json:"next"`
		Upload struct{ ID string } `json:"upload"`
	}
	if json.Unmarshal(body, &made) != nil {
		return
	}
	part := strings.Split(o.path, "/")[2]
	if o.ID == "finish-upload" {
		part = "artifacts"
	}
	for name, value := range map[string]string{part: made.ID, "prefix": made.Prefix, "after": made.Next, "uploads": made.Upload.ID} {
		if value == "" || name == "prefix" && o.ID != "create-key" {
			continue
		}
		f.mu.Lock()
		if all := f.pools[name]; len(all) < 64 {
			f.pools[name] = append(all, value)
		} else if at := rand.IntN(len(all)); all[at] != f.kept {
			all[at] = value
		}
		f.mu.Unlock()
	}
}

// streams are the routes whose answers last, or carry files.
var streams = map[string]bool{"list-job-events": true, "show-results": true, "download-artifact": true, "append-upload": true, "tap-edge": true}

// one sends the request of a number.
func (f *fuzzer) one(i int) {
	g := &generator{Rand: rand.New(rand.NewPCG(f.seed, uint64(i))), doc: &f.doc, mark: fmt.Sprintf("canary%dx%d", f.seed, i)}
	o := f.ops[g.IntN(len(f.ops))]
	g.known = func(name string) []string { return f.known(o, name) }
	within := 10 * time.Second
	if streams[o.ID] {
		within = time.Second / 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, sent := f.request(ctx, g, o)
	if req == nil {
		return
	}
	began := time.Now()
	resp, err := f.client.Do(req)
	var body []byte
	if err == nil {
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
	}
	took := time.Since(began)
	if err != nil {
		if !streams[o.ID] || !errors.Is(err, context.DeadlineExceeded) && !f.deleted(req.URL.Path) {
			f.fault(i, o, sent, "no answer: %v after %v", err, took)
		}
		return
	}
	f.note(o, resp.StatusCode, took)
	if took > slow() && f.stalled.Load() > began.UnixNano() { // not even the test's own clock had a turn
		f.excused.Add(1)
		took = 0
	}
	if why := f.wrong(o, req, resp, body, took, g.mark); why != "" {
		f.fault(i, o, sent, "%d in %v: %s: %.600s", resp.StatusCode, took, why, body)
	}
	if resp.StatusCode < 300 {
		f.learn(o, body)
	}
}

func (f *fuzzer) note(o *operation, status int, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.statuses[o.ID] == nil {
		f.statuses[o.ID] = map[int]int{}
	}
	f.statuses[o.ID][status]++
	if !streams[o.ID] {
		f.slowest[o.ID] = max(f.slowest[o.ID], took)
	}
}

// fault tells of a request that went wrong; not of more than one can read.
func (f *fuzzer) fault(i int, o *operation, sent, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.said++; f.said > 20 {
		f.t.Fail()
		return
	}
	f.t.Errorf("request %d, %s: %s\nsent %.800q", i, o.ID, fmt.Sprintf(format, args...), sent)
}

// report looks at the log, and at whether the requests were of use.
func (f *fuzzer) report(n int) {
	for line := range strings.Lines(f.log.String()) {
		if strings.Contains(line, "[ERROR]") || strings.Contains(line, "panic") || strings.Contains(line, "canary"+strconv.FormatUint(f.seed, 10)) {
			f.t.Errorf("the log has: %.1000s", line)
		}
	}
	sums := map[int]int{}
	for _, o := range f.ops {
		all, good := 0, 0
		for status, n := range f.statuses[o.ID] {
			all += n
			sums[status] += n
			if status < 300 {
				good += n
			}
		}
		f.t.Logf("%-22s %5d, %5d of them done: %v", o.ID, all, good, f.statuses[o.ID])
		if n >= 100_000 && (all < 100 || good == 0 && o.ID != "tap-edge") {
			f.t.Errorf("%s: %d requests, %d good ones: the generator is of no use there", o.ID, all, good)
		}
	}
	figures.Note(f.t, "%d requests over %d routes, seed %d: %v, the slowest %s; %d not judged while the machine stood still", n, len(f.ops), f.seed, sums, f.slow(5), f.excused.Load())
}
