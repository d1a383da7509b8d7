//go:build linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// TestRows are the rows of the list of checks about edges, in a cluster: what is lost on purpose,
// refused or read by nobody is counted and shown by the API, and the processes stay. Each is
// tested in more ways, on one machine, in internal/trial.
func TestRows(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shape{servers: 1, coordinators: 1, workers: 2, folder: true, build: build(t, "moody", append(append([]edit(nil), moody...), hasty...)...)})
	var wide strings.Builder // 8 lines are a frame
	for i := range rowLines {
		fmt.Fprintf(&wide, "%06d %s\n", i, strings.Repeat("x", 4000))
	}
	c.write("wide.txt", wide.String())
	for _, row := range []struct {
		name string
		test func(*rowTest)
	}{
		{"B4DropOldest", dropsOldest}, {"B4DropNewest", dropsNewest}, {"B5Expiry", expires}, {"B6AlteredFrame", refusesAltered},
		{"B7FanOut", fansOut}, {"B8NoReader", readByNobody}, {"B9Panic", panicsAlone},
	} {
		if t.Failed() {
			t.Fatal(c.logs(20)) // who is next would wait for what is broken
		}
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), rowWithin)
			defer cancel()
			row.test(&rowTest{c, t, ctx})
			if n := c.bad.Load(); n > 0 {
				t.Errorf("%d processes ended by themselves", n)
			}
		})
	}
}

// rowWithin bounds a row; each takes seconds.
const rowWithin = time.Minute

// rowLines are the lines of the rows' input.
const rowLines = 1600

// rowTest is a row's test, on a cluster that others have too.
type rowTest struct {
	*cluster
	t   *testing.T
	ctx context.Context
}

// write writes a file into the workers' folder.
func (c *cluster) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.root, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// lines are those of a file in the workers' folder.
func (r *rowTest) lines(name string) []string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.root, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

func (r *rowTest) submit(source string) recipe.JobID {
	r.t.Helper()
	j, err := r.apis[0].Submit(r.ctx, coordinator.Submission{Document: coordinator.Document{Source: source}}, "")
	if err != nil {
		r.t.Fatalf("%v: %+v", err, err)
	}
	return j.ID
}

// over waits for a job's end, which must be success, and returns what it says of its steps.
func (r *rowTest) over(id recipe.JobID) map[string]recipe.StepProgress {
	r.t.Helper()
	for {
		j, err := r.job(r.ctx, id)
		if err == nil && j.State.Final() {
			if err := ended(&j); err != nil {
				r.t.Fatal(err)
			}
			return stepsOf(&j)
		}
		if !pass(r.ctx, 50*time.Millisecond) {
			r.t.Fatalf("the job is %s; %s %s %v", j.State, j.Waiting, j.Reason, err)
		}
	}
}

func stepsOf(j *coordinator.Job) map[string]recipe.StepProgress {
	all := map[string]recipe.StepProgress{}
	if j.Progress != nil {
		for _, s := range j.Progress.Steps {
			all[s.Node] = s
		}
	}
	return all
}

// until waits for a fact about a job that runs.
func (r *rowTest) until(id recipe.JobID, what string, holds func(map[string]recipe.StepProgress) bool) {
	r.t.Helper()
	for {
		j, err := r.job(r.ctx, id)
		if err == nil && holds(stepsOf(&j)) {
			return
		}
		if err == nil && j.State.AtRest() {
			r.t.Fatalf("the job is %s before %s: %s", j.State, what, j.Reason)
		}
		if !pass(r.ctx, 50*time.Millisecond) {
			r.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// lossy is a chain with an edge of some settings before a step that is slow for a while.
func lossy(name, edge string) string {
	return `
recipe: ` + name + `
nodes:
  lines: {kind: file_reader, config: {path: wide.txt}}
  slow:  {kind: throttle, from: {node: lines, ` + edge + `}, config: {rate: 100, for: 3s}}
  out:   {kind: file_writer, from: slow, config: {path: ` + name + `.out}}
`
}

// balance holds what a lossy edge lost against what was read, and what came out: lines of the
// input, each at most once and in their order.
func (r *rowTest) balance(name string, p map[string]recipe.StepProgress) (lost int64) {
	r.t.Helper()
	for _, s := range p {
		lost += s.Dropped + s.Expired
	}
	out := r.lines(name + ".out")
	if read := p["lines"].In; read != rowLines || int64(len(out))+lost != read || p["out"].In != int64(len(out)) {
		r.t.Errorf("%d were read, %d lost and %d written: %+v", read, lost, len(out), p)
	}
	for i := 1; i < len(out); i++ {
		if out[i] <= out[i-1] {
			r.t.Fatalf("line %.7s behind %.7s", out[i], out[i-1])
		}
	}
	return lost
}

func dropsOldest(r *rowTest) {
	p := r.over(r.submit(lossy("oldest", "overflow: drop_oldest, capacity: 4")))
	if n := r.balance("oldest", p); n == 0 {
		r.t.Error("nothing was dropped")
	}
	if out := r.lines("oldest.out"); !strings.HasPrefix(out[len(out)-1], fmt.Sprintf("%06d", rowLines-1)) {
		r.t.Errorf("the last is %.7s: not the oldest were dropped", out[len(out)-1])
	}
}

func dropsNewest(r *rowTest) {
	p := r.over(r.submit(lossy("newest", "overflow: drop_newest, capacity: 4")))
	if n := r.balance("newest", p); n == 0 {
		r.t.Error("nothing was dropped")
	}
	if out := r.lines("newest.out"); !strings.HasPrefix(out[8], "000008") {
		r.t.Errorf("the ninth is %.7s: not the newest were dropped", out[8])
	}
}

// expires kills the server and both workers while records expire: the count stays exact.
func expires(r *rowTest) {
	id := r.submit(lossy("expiry", "ttl: 1s"))
	expired := func(p map[string]recipe.StepProgress) (n int64) {
		for _, s := range p {
			n += s.Expired
		}
		return n
	}
	var before int64
	r.until(id, "records that are expired", func(p map[string]recipe.StepProgress) bool { before = expired(p); return before > 0 })
	for _, p := range append(append([]*process(nil), r.workers...), r.servers...) {
		p.kill()
	}
	r.servers[0].start(r.t)
	if err := r.healed(r.ctx, 0); err != nil {
		r.t.Fatal(err)
	}
	for _, p := range r.workers {
		p.start(r.t)
	}
	p := r.over(id)
	if r.balance("expiry", p); expired(p) < before {
		r.t.Errorf("%d had expired, and in the end %d", before, expired(p))
	}
}

// refusesAltered changes a byte of a frame in the server: its records are counted as dead, and all
// others arrive.
func refusesAltered(r *rowTest) {
	id := r.submit(`
recipe: altered
nodes:
  lines: {kind: file_reader, config: {path: wide.txt}}
  up:    {kind: to_uppercase, from: lines}
  slow:  {kind: throttle, from: up, config: {rate: 100, for: 5s}}
  out:   {kind: file_writer, from: slow, config: {path: altered.out}}
`)
	r.until(id, "frames on the edge", func(p map[string]recipe.StepProgress) bool { return p["up"].Out > 800 && p["slow"].In > 0 })
	if _, err := r.apis[0].Order(r.ctx, id, client.Stop); err != nil {
		r.t.Fatal(err)
	}
	if j, err := r.reaches(r.ctx, id, recipe.JobState.AtRest); err != nil || j.State != recipe.JobStopped {
		r.t.Fatalf("got %s, %v", j.State, err)
	}
	for _, p := range r.workers {
		p.kill() // nobody may take the frame before it is altered
	}
	var rec bus.JobRecord
	m, err := r.conn.Last(r.ctx, bus.JobsStream, bus.JobSubject(id))
	if err == nil {
		err = bus.DecodeRecord(m.Data, &rec)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	records := r.alter(id, rec.Plan)
	for _, p := range r.workers {
		p.start(r.t)
	}
	if _, err := r.apis[0].Order(r.ctx, id, client.Resume); err != nil {
		r.t.Fatal(err)
	}
	p := r.over(id)
	if got := len(r.lines("altered.out")); p["slow"].Dead != int64(records) || got != rowLines-records {
		r.t.Errorf("a frame of %d records was altered: %d are dead and %d lines of %d written", records, p["slow"].Dead, got, rowLines)
	}
}

// alter changes the last byte of the newest frame with records on the edge behind the node up, and
// returns how many it has. Of older ones the verdict may be in the ledger already.
func (r *rowTest) alter(id recipe.JobID, plan *recipe.Plan) int {
	r.t.Helper()
	var edge *recipe.Edge
	for i := range plan.Edges {
		if e := &plan.Edges[i]; plan.Steps[e.From].Node == "up" {
			edge = e
		}
	}
	names := bus.Names{Job: id}
	stream, subject := names.Fill(plan.Streams[edge.Stream].Name), names.Fill(edge.Subject)
	var newest *bus.Stored
	records := 0
	m, err := r.conn.Next(r.ctx, stream, subject, 1)
	for ; err == nil; m, err = r.conn.Next(r.ctx, stream, subject, m.Seq+1) {
		if h, _, err := bus.DecodeFrame(m.Data); err == nil && h.Records > 0 {
			newest, records = &bus.Stored{Seq: m.Seq, Data: bytes.Clone(m.Data)}, int(h.Records)
		}
	}
	if errors.Is(err, bus.ErrNotFound) {
		err = nil
	}
	if err == nil && newest == nil {
		err = errors.New("no frame has records")
	}
	if err == nil {
		err = r.conn.DeleteSeq(r.ctx, stream, newest.Seq)
	}
	pub, perr := r.conn.NewPublisher()
	if err != nil || perr != nil {
		r.t.Fatal(err, perr)
	}
	defer pub.Close()
	newest.Data[len(newest.Data)-1] ^= 1
	if out := pub.PutSync(r.ctx, bus.Put{Subject: subject, Data: newest.Data}); out.Err != nil {
		r.t.Fatal(out.Err)
	}
	return records
}

func fansOut(r *rowTest) {
	source := "\nrecipe: fan\nnodes:\n  lines: {kind: file_reader, config: {path: wide.txt}}\n  up: {kind: to_uppercase, from: lines}\n"
	for i := range 5 {
		source += fmt.Sprintf("  o%d: {kind: file_writer, from: up, config: {path: fan%d.out}}\n", i, i)
	}
	p := r.over(r.submit(source))
	want := strings.ToUpper(strings.Join(r.lines("wide.txt"), ""))
	for i := range 5 {
		if got := strings.Join(r.lines(fmt.Sprintf("fan%d.out", i)), ""); got != want || p[fmt.Sprintf("o%d", i)].In != rowLines {
			r.t.Errorf("reader %d: %d bytes of %d, %d records", i, len(got), len(want), p[fmt.Sprintf("o%d", i)].In)
		}
	}
	if p["up"].Out != rowLines {
		r.t.Errorf("%d records were made, want %d: counted once however many read them", p["up"].Out, rowLines)
	}
}

func readByNobody(r *rowTest) {
	id := r.submit("\nrecipe: unread\nnodes:\n  lines: {kind: file_reader, config: {path: wide.txt}}\n  up: {kind: to_uppercase, from: lines}\n  md5: {kind: md5_hash, from: lines}\n" +
		"  out: {kind: file_writer, from: md5, config: {path: unread.out}}\n")
	r.over(id)
	j, err := r.job(r.ctx, id)
	if err != nil || len(j.Progress.Unread) != 1 || j.Progress.Unread[0] != (recipe.UnreadPort{Node: "up", Port: "out", Records: rowLines}) {
		r.t.Errorf("got %+v, %v", j.Progress, err)
	}
}

// panicsAlone runs a job of which each tenth record makes a node panic, beside one of the same kind
// that does not: the records are dead letters, all others arrive, and nothing else happens.
func panicsAlone(r *rowTest) {
	var text strings.Builder
	for i := range rowLines {
		what := "calm"
		if i%10 == 7 {
			what = "PANIC"
		}
		fmt.Fprintf(&text, "%s %d\n", what, i)
	}
	r.write("panics.txt", text.String())
	source := func(in, out string) string {
		return "\nrecipe: panics\nnodes:\n  lines: {kind: file_reader, config: {path: " + in + "}}\n  up: {kind: to_uppercase, from: lines}\n" +
			"  calm: {kind: md5_hash, from: lines}\n  a: {kind: file_writer, from: up, config: {path: " + out + ".a}}\n  b: {kind: file_writer, from: calm, config: {path: " + out + ".b}}\n"
	}
	bad, good := r.submit(source("panics.txt", "bad")), r.submit(source("wide.txt", "good"))
	p := r.over(bad)
	if a, b := len(r.lines("bad.a")), len(r.lines("bad.b")); p["up"].Dead != rowLines/10 || a != rowLines-rowLines/10 || b != rowLines {
		r.t.Errorf("%d dead, %d lines behind the node that panics and %d beside it", p["up"].Dead, a, b)
	}
	if p := r.over(good); p["up"].Dead != 0 || len(r.lines("good.a")) != rowLines {
		r.t.Errorf("the job beside it: %+v", p)
	}
	page, err := r.apis[0].Letters(r.ctx, bad, "up", "")
	if err != nil || len(page.Letters) == 0 || !strings.Contains(page.Letters[0].Reason, "the node panicked: as it was told") {
		r.t.Errorf("got %+v, %v", page, err)
	}
}

// moody makes the kind to_uppercase panic at some records.
var moody = []edit{{"nodes/text/to_uppercase.go", "	text := r.Bytes()\n	n.buf = n.buf[:0]\n",
	"	text := r.Bytes()\n	if strings.HasPrefix(string(text), \"PANIC\") {\n		panic(\"as it was told\")\n	}\n	n.buf = n.buf[:0]\n"},
	{"nodes/text/to_uppercase.go", "import (\n", "import (\n\t\"strings\"\n"}}
