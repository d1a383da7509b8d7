package files_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/compile"
	"sluice/coordinator/files"
	"sluice/coordinator/job"
	"sluice/coordinator/lead"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

// cluster is a server with a coordinator that leads.
type cluster struct {
	t      *testing.T
	server *bus.Server
	conn   *bus.Conn
	jobs   *store.Jobs
	files  *files.Store
	saved  atomic.Value // the digest that a saved recipe names
}

func (c *cluster) naming(sha256 string) string {
	if c.saved.Load() == sha256 {
		return "parse@3"
	}
	return ""
}

type silent struct{}

// Emit implements lead.Events.
func (silent) Emit(coordinator.Event) {}

func newCluster(t *testing.T, limits coordinator.FileLimits) *cluster {
	t.Helper()
	c := &cluster{t: t, server: bustest.Server(t)}
	c.conn = bustest.Connect(t, c.server)
	ctx := bustest.Context(t)
	if err := job.EnsureJobs(ctx, c.conn, 1); err != nil {
		t.Fatal(err)
	}
	control, err := store.Open(ctx, store.Config{Conn: c.conn})
	if err != nil {
		t.Fatal(err)
	}
	c.jobs = store.NewJobs(control)
	c.files, err = files.New(ctx, files.Config{Conn: c.conn, Control: control, Limits: limits, Using: files.UsedBy(c.jobs, c.naming), Live: func(id recipe.JobID) bool {
		j, err := c.jobs.Job(id)
		return err == nil && !j.State.Final()
	}})
	if err != nil {
		t.Fatal(err)
	}
	leader := lead.New(lead.Config{Name: "c", Control: control, History: time.Hour}, lead.Project{Name: "default", Conn: c.conn, Jobs: c.jobs,
		Events: silent{}, Files: c.files, AckWait: 400 * time.Millisecond, Lease: 600 * time.Millisecond})
	if err := control.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	run, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = leader.Run(run) }()
	t.Cleanup(func() {
		cancel()
		<-done
		control.Close()
	})
	return c
}

// worker starts a worker and returns what cuts it off, as a crash does: it settles nothing. A
// root makes it one that reads and writes in a folder.
func (c *cluster) worker(root *os.Root, fail worker.Failpoint) (cut func()) {
	c.t.Helper()
	conn := bustest.Connect(c.t, c.server)
	w, err := worker.New(worker.Config{Conn: conn, Catalogue: all.Catalogue(), Name: fmt.Sprintf("w%d", time.Now().UnixNano()), Root: root,
		Artifacts: true, Fail: fail})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	end := sync.OnceFunc(func() {
		cancel()
		<-done
	})
	c.t.Cleanup(end)
	return func() {
		conn.Close()
		end()
	}
}

func (c *cluster) submit(id, text string, params map[string]string) {
	c.t.Helper()
	plan, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: all.Catalogue(), Seed: 1, Params: params,
		Frame: recipe.FrameLimits{Records: 100}})
	if plan == nil {
		c.t.Fatal(faults)
	}
	_, _, err := c.jobs.Submit(bustest.Context(c.t), &coordinator.Spec{Job: recipe.JobID(id), Recipe: plan.Recipe, Source: text, Plan: plan,
		Owner: "ann", Created: time.Now().UTC()})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) until(id recipe.JobID, state recipe.JobState) coordinator.Job {
	c.t.Helper()
	var j coordinator.Job
	bustest.Eventually(c.t, fmt.Sprintf("job %s is at its end", id), func() bool {
		var err error
		j, err = c.jobs.Job(id)
		return err == nil && (j.State.Final() || j.State == state)
	})
	if j.State != state {
		c.t.Fatalf("job %s %s (%s), want %s", id, j.State, j.Reason, state)
	}
	return j
}

// made returns the one file that a job has made.
func (c *cluster) made(id recipe.JobID) (coordinator.Artifact, []byte) {
	c.t.Helper()
	all, _ := c.files.List(id, "", 10)
	if len(all) != 1 {
		c.t.Fatalf("job %s has artifacts %+v, want one", id, all)
	}
	return all[0], read(c.t, c.files, all[0])
}

const reference = `
recipe: reference
params:
  log: {type: string}
nodes:
  lines:   {kind: file_reader, config: {path: "${log}", split_bytes: 400000}}
  failed:  {kind: regex_match, from: lines, config: {regex: '.*Failed password.*'}}
  address: {kind: regex_replace, from: failed, config: {regex: 'from (\S+) port', replacement: 'of $1 at'}}
  out:     {kind: file_writer, from: address, config: {path: out/failed.log}}
`

// log returns lines of which most pass the reference recipe.
func log(lines int) []byte {
	var b bytes.Buffer
	for i := range lines {
		what := "Failed"
		if i%5 == 0 {
			what = "Accepted"
		}
		fmt.Fprintf(&b, "Jan 10 06:55:%02d host sshd[%d]: %s password for root from 10.0.%d.%d port %d ssh2\n", i%60, i, what, i/250%250, i%250, i)
	}
	return b.Bytes()
}

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// inFolder runs the reference recipe on a worker that has a folder.
func inFolder(t *testing.T, data []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "auth.log"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	c := newCluster(t, coordinator.FileLimits{})
	c.worker(root, nil)
	c.submit("folder", reference, map[string]string{"log": "auth.log"})
	c.until("folder", recipe.JobSucceeded)
	b, err := os.ReadFile(filepath.Join(dir, "out/failed.log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := chunks(t, c.conn); n != 0 {
		t.Errorf("a worker with a folder made %d chunks", n)
	}
	return b
}

// TestRecipeOverArtifacts runs a recipe over uploads, plain and packed, on two workers: what it
// makes is what it makes in a folder.
func TestRecipeOverArtifacts(t *testing.T) {
	data := log(30_000)
	want := inFolder(t, data)
	c := newCluster(t, coordinator.FileLimits{})
	c.worker(nil, nil)
	c.worker(nil, nil)
	for name, data := range map[string][]byte{"auth.log": data, "auth.log.gz": packed(t, data)} {
		id := strings.ReplaceAll(name, ".", "-")
		in := upload(t, c.files, name, data)
		c.submit(id, reference, map[string]string{"log": in.Ref()})
		c.until(recipe.JobID(id), recipe.JobSucceeded)
		a, got := c.made(recipe.JobID(id))
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, want %d", name, len(got), len(want))
		}
		if a.SHA256 != digest(want) || a.Name != "failed.log" || a.Path != "out/failed.log" || a.Node != "out" || a.Owner != "ann" || a.Size != int64(len(want)) {
			t.Errorf("%s: got %+v", name, a)
		}
	}
	if n, most := chunks(t, c.conn), 3*(len(data)/chunk+1); n > most {
		t.Errorf("got %d chunks, want %d at most: both jobs made the same", n, most)
	}
	// What a job has made is what another one reads.
	a, _ := c.made("auth-log")
	c.submit("next", reference, map[string]string{"log": a.Ref()})
	c.until("next", recipe.JobSucceeded)
}

// TestLookupInArtifact joins records with a table that was uploaded.
func TestLookupInArtifact(t *testing.T) {
	c := newCluster(t, coordinator.FileLimits{})
	c.worker(nil, nil)
	in := upload(t, c.files, "in.ndjson", []byte("{\"ip\":\"10.0.0.1\"}\n{\"ip\":\"10.0.0.2\"}\n"))
	table := upload(t, c.files, "hosts.csv", []byte("ip,name\n10.0.0.1,web\n"))
	c.submit("one", fmt.Sprintf(`
recipe: r
nodes:
  in:   {kind: file_reader, config: {path: %q, format: json_lines}}
  with: {kind: lookup, from: in, config: {path: %q, key: ip}}
  out:  {kind: file_writer, from: with, config: {path: out.ndjson, format: json_lines}}
`, in.Ref(), table.Ref()), nil)
	c.until("one", recipe.JobSucceeded)
	want := "{\"ip\":\"10.0.0.1\",\"hosts\":{\"ip\":\"10.0.0.1\",\"name\":\"web\"}}\n{\"ip\":\"10.0.0.2\"}\n"
	if _, got := c.made("one"); string(got) != want {
		t.Errorf("got %s", got)
	}
}

// strikes kills a loop at a place, now and then, so often at most.
type strikes struct {
	mu   sync.Mutex
	at   worker.Point
	past int
	left int
}

func (k *strikes) fail(p worker.Point, _ int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p != k.at || k.left == 0 {
		return false
	}
	if k.past++; k.past%7 != 0 {
		return false
	}
	k.left--
	return true
}

// TestKilledInMidWrite kills the sink's loop, and the others', at every place again and again,
// and once cuts a whole worker off: the artifact is the same, and nothing else is left.
func TestKilledInMidWrite(t *testing.T) {
	data := log(12_000)
	want := inFolder(t, data)
	for _, at := range []worker.Point{worker.AfterReceive, worker.BeforeSave, worker.BeforeAck, "cut off"} {
		t.Run(string(at), func(t *testing.T) {
			c := newCluster(t, coordinator.FileLimits{})
			in := upload(t, c.files, "auth.log", data)
			k := &strikes{at: at, left: 6}
			cut := c.worker(nil, k.fail)
			c.submit("one", reference, map[string]string{"log": in.Ref()})
			if at == "cut off" {
				bustest.Eventually(t, "the sink has written something", func() bool {
					all, err := c.conn.Files().Writers(bustest.Context(t), "one")
					return err == nil && len(all) > 0
				})
				cut()
				c.worker(nil, nil)
			}
			c.until("one", recipe.JobSucceeded)
			if k.left == 6 && at != "cut off" {
				t.Fatal("nothing was killed")
			}
			if _, got := c.made("one"); !bytes.Equal(got, want) {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
			if n, want := chunks(t, c.conn), (len(data)+chunk-1)/chunk+(len(want)+chunk-1)/chunk; n != want {
				t.Errorf("got %d chunks left, want %d", n, want)
			}
		})
	}
}

// TestNothingIsLeft fails and cancels jobs that have written, and deletes one that succeeded.
func TestNothingIsLeft(t *testing.T) {
	c := newCluster(t, coordinator.FileLimits{})
	c.worker(nil, nil)
	in := upload(t, c.files, "in.log", log(9_000))
	held := chunks(t, c.conn)
	clean := func(what string) {
		bustest.Eventually(t, what+" leaves nothing", func() bool { // the sweep takes what was on its way as the job ended
			return chunks(t, c.conn) == held || c.files.Sweep(bustest.Context(t)) == nil && chunks(t, c.conn) == held
		})
	}
	text := `
recipe: r
nodes:
  in:   {kind: file_reader, config: {path: %q}}
  bad:  {kind: parse_int, from: slow, on_error: %s}
  slow: {kind: delay, from: in, config: {duration: %s}}
  one:  {kind: file_writer, from: in, config: {path: one}}
  two:  {kind: file_writer, from: bad, config: {path: two}}
`
	wrote := func(id recipe.JobID) {
		t.Helper()
		bustest.Eventually(t, "it has written", func() bool {
			all, err := c.conn.Files().Writers(bustest.Context(t), id)
			return err == nil && len(all) > 0
		})
	}
	c.submit("fails", fmt.Sprintf(text, in.Ref(), "fail", "20ms"), nil)
	c.until("fails", recipe.JobFailed)
	clean("a job that failed")
	c.submit("cancelled", fmt.Sprintf(text, in.Ref(), "drop", "50ms"), nil)
	wrote("cancelled")
	family(t, "delete what a job reads", c.files.Delete(bustest.Context(t), in.ID, 0), coordinator.Conflict)
	if _, err := c.jobs.Order(bustest.Context(t), "cancelled", coordinator.Order{Want: coordinator.WantCancel}, 0); err != nil {
		t.Fatal(err)
	}
	c.until("cancelled", recipe.JobCancelled)
	clean("a job that was cancelled")
	c.submit("good", fmt.Sprintf(text, in.Ref(), "drop", "0s"), nil)
	c.until("good", recipe.JobSucceeded)
	all, _ := c.files.List("good", "", 10)
	if len(all) != 2 || all[0].SHA256 != in.SHA256 || all[1].Size != 0 {
		t.Errorf("got %+v, want a copy of the input and an empty file", all)
	}
	if _, err := c.jobs.Order(bustest.Context(t), "good", coordinator.Order{Want: coordinator.WantGone}, 0); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "it is deleted", func() bool { _, err := c.jobs.Job("good"); return err != nil })
	clean("a job that is deleted")
	if !bytes.Equal(read(t, c.files, in), log(9_000)) {
		t.Error("the upload, which had the same content, was harmed")
	}
	if left, _ := c.files.List("", "", 10); len(left) != 1 {
		t.Errorf("got %+v", left)
	}
}

// TestNoRoomForResult fails a job whose file is over the project's limit.
func TestNoRoomForResult(t *testing.T) {
	c := newCluster(t, coordinator.FileLimits{Bytes: 2 << 20})
	c.worker(nil, nil)
	in := upload(t, c.files, "in.log", log(15_000))
	c.submit("one", reference, map[string]string{"log": in.Ref()})
	if j := c.until("one", recipe.JobFailed); !strings.Contains(j.Reason, "out/failed.log can't be kept") {
		t.Errorf("got %q", j.Reason)
	}
	bustest.Eventually(t, "nothing is left", func() bool { return c.files.Use().Number == 1 })
}

// TestNoSuchArtifact refuses paths that name nothing.
func TestNoSuchArtifact(t *testing.T) {
	c := newCluster(t, coordinator.FileLimits{})
	c.worker(nil, nil)
	c.submit("one", reference, map[string]string{"log": "artifact:" + digest(nil) + "/x"})
	if j := c.until("one", recipe.JobFailed); !strings.Contains(j.Reason, "no such artifact") {
		t.Errorf("got %q", j.Reason)
	}
	for path, says := range map[string]string{"artifact:*": "pattern", "artifact:abc/x": "SHA256/NAME", "artifact:" + digest(nil) + "/*.log": "pattern"} {
		_, faults := compile.Compile("r.yaml", []byte(reference), compile.Options{Catalogue: all.Catalogue(), Params: map[string]string{"log": path}})
		if len(faults) != 1 || !strings.Contains(faults[0].Text, says) {
			t.Errorf("%s: got %v, want one that says %q", path, faults, says)
		}
	}
}
