package dead_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"sluice/coordinator/compile"
	"sluice/coordinator/dead"
	"sluice/internal/solo"
	"sluice/nodes"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

const numbers = `recipe: numbers
nodes:
  numbers: {kind: integer_generator, config: {count: 3000, seed: 1}}
  fragile: {kind: fragile, from: numbers, config: {}}
  texts:   {kind: to_string, from: fragile}
  out:     {kind: file_writer, from: texts, config: {path: out.txt}}
`

// fragile gives up a record after the other while it is broken.
func fragile(broken *atomic.Bool) nodes.Kind {
	return nodes.Define(nodes.Spec{
		Kind: "fragile", Category: "test", Summary: "Tests", Role: nodes.Stateless,
		In: []nodes.Port{{Name: "in", Type: recipe.Int}}, Out: []nodes.Port{{Name: "out", Type: recipe.Int}},
	}, func(struct{}, *nodes.Env) (any, error) { return &fragileNode{broken: broken}, nil })
}

type fragileNode struct {
	broken *atomic.Bool
}

// Process implements nodes.Processor.
func (f *fragileNode) Process(c *nodes.Call, r nodes.Record) error {
	if f.broken.Load() && r.Int()%3 == 0 {
		return nodes.Permanentf("it is broken")
	}
	c.Emit(r)
	return nil
}

// world is a folder with a job, and what runs there.
type world struct {
	t      *testing.T
	dir    string
	root   *os.Root
	broken atomic.Bool
	host   *solo.Host
	store  *dead.Store
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.root = root
	t.Cleanup(func() { w.close(); root.Close() })
	return w
}

func (w *world) close() {
	if w.host != nil {
		w.host.Close()
		w.host = nil
	}
}

// open starts the server, again when it runs already: what a killed process leaves.
func (w *world) open() {
	w.t.Helper()
	w.close()
	var err error
	if w.host, err = solo.Open(w.t.Context(), solo.Config{Dir: filepath.Join(w.dir, "store")}); err != nil {
		w.t.Fatal(err)
	}
	if w.store, err = dead.Open(w.t.Context(), w.host.Conn()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) catalogue() *nodes.Catalogue {
	w.t.Helper()
	kinds := []nodes.Kind{fragile(&w.broken)}
	if w.store != nil {
		kinds = append(kinds, w.store.Source())
	}
	c, err := all.Catalogue().With(kinds...)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) run(ctx context.Context, c solo.Config) (recipe.Progress, error) {
	c.Root, c.Catalogue = w.root, w.catalogue()
	return w.host.Run(ctx, c)
}

// letters counts the letters that are free, and those that a replay has.
func (w *world) letters() (free, taken int) {
	w.t.Helper()
	err := w.store.Each(w.t.Context(), nil, func(l *dead.Letter) error {
		if l.Replayed == "" {
			free++
		} else {
			taken++
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return free, taken
}

func (w *world) free() []*dead.Batch {
	w.t.Helper()
	batches, err := w.store.Batches(w.t.Context(), nil, func(l *dead.Letter) (bool, error) { return l.Replayed == "", nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return batches
}

// TestReplayIsExact kills a replay at each of its steps: every letter is replayed once.
func TestReplayIsExact(t *testing.T) {
	for _, records := range []int{16, 240} { // the letters of a frame are one message, or several
		t.Run(strconv.Itoa(records), func(t *testing.T) { replayIsExact(t, records) })
	}
}

func replayIsExact(t *testing.T, records int) {
	w := newWorld(t)
	w.open()
	plan, faults := compile.Compile("r.yaml", []byte(numbers), compile.Options{Catalogue: w.catalogue(), Frame: recipe.FrameLimits{Records: records}})
	if faults != nil {
		t.Fatal(faults)
	}
	w.broken.Store(true)
	p, err := w.run(t.Context(), solo.Config{Plan: plan})
	if err != nil || p.State != recipe.JobSucceeded || p.Dead() == 0 {
		t.Fatalf("got %s, %d dead letters, %v", p.State, p.Dead(), err)
	}
	total := int(p.Dead())
	w.broken.Store(false)

	// Killed between the marks and the job's record: nothing is taken.
	w.open()
	if err := w.store.Claim(t.Context(), w.free()[0], solo.NewID()); err != nil {
		t.Fatal(err)
	}
	w.open()
	if free, taken := w.letters(); free != total || taken != 0 {
		t.Fatalf("got %d free and %d taken letters, want %d and none", free, taken, total)
	}

	// Killed while the replay runs, some times.
	batch := w.free()[0]
	child, parent := solo.NewID(), batch.Job.Job
	made, err := w.store.Plan(batch, w.catalogue())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.Claim(t.Context(), batch, child); err != nil {
		t.Fatal(err)
	}
	w.checkOffsets(made, child)
	kills := 0
	for ; ; kills++ {
		ctx, cancel := context.WithCancel(t.Context())
		var points atomic.Int64
		fail := func(worker.Point, int) bool {
			if points.Add(1) == int64(1+min(40, total/60)*kills) && kills < 6 {
				cancel()
				return true
			}
			return false
		}
		p, err = w.run(ctx, solo.Config{Job: child, Parent: parent, Plan: made, Fail: fail})
		cancel()
		w.open()
		if err == nil && p.State.Final() {
			break
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if rec := w.store.Unfinished(); rec == nil || rec.Job != child || rec.Parent != parent {
			t.Fatalf("got %+v as unfinished job, want the replay", rec)
		}
		if free, taken := w.letters(); free != 0 || taken != total {
			t.Fatalf("got %d free and %d taken letters, want none and %d", free, taken, total)
		}
	}
	if kills < 3 {
		t.Errorf("the replay was killed %d times, want more", kills)
	}
	if p.State != recipe.JobSucceeded || len(w.free()) != 0 {
		t.Fatalf("got %s: %s, and %d batches left", p.State, p.Reason, len(w.free()))
	}
	w.checkOutput(3000, total)
}

// checkOutput wants what the job wrote, and behind it what the replay did, in order.
func (w *world) checkOutput(count, replayed int) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "out.txt"))
	if err != nil {
		w.t.Fatal(err)
	}
	var got []int
	for line := range strings.Lines(string(text)) {
		n, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil {
			w.t.Fatal(err)
		}
		got = append(got, n)
	}
	if len(got) != count {
		w.t.Fatalf("got %d records, want %d", len(got), count)
	}
	for i, n := range got {
		if late := i >= count-replayed; late != (n%3 == 0) {
			w.t.Fatalf("record %d is %d; the last %d should be those that were replayed", i, n, replayed)
		}
	}
	if reference := w.undisturbed(); !slices.Equal(got[count-replayed:], reference) {
		w.t.Error("the replayed records are not in the order in which they were given up")
	}
}

// checkOffsets reads what a replay has from every offset on.
func (w *world) checkOffsets(plan *recipe.Plan, child recipe.JobID) {
	w.t.Helper()
	kind := w.store.Source()
	node, err := kind.Build(plan.Steps[0].Config, &nodes.Env{Job: string(child)})
	if err != nil {
		w.t.Fatal(err)
	}
	from := func(offset int64) (list []int64) {
		r, err := node.(nodes.Source).Open(w.t.Context(), nil, offset)
		if err != nil {
			w.t.Fatal(err)
		}
		call := nodes.NewCall(plan.Steps[0].Outputs)
		call.Begin(w.t.Context(), [2]uint64{})
		for err == nil {
			err = r.Read(call)
		}
		if !errors.Is(err, io.EOF) {
			w.t.Fatal(err)
		}
		cur := call.Out(0).Cursor()
		for rec, ok := cur.Next(); ok; rec, ok = cur.Next() {
			list = append(list, rec.Int())
		}
		return list
	}
	whole := from(0)
	for offset := 0; offset <= len(whole); offset += 9 {
		if got := from(int64(offset)); !slices.Equal(got, whole[offset:]) {
			w.t.Fatalf("offset %d: got %d letters, want the last %d", offset, len(got), len(whole)-offset)
		}
	}
}

// undisturbed returns the records that are given up, in order.
func (w *world) undisturbed() []int {
	w.t.Helper()
	text := strings.Replace(numbers, "out.txt", "all.txt", 1)
	plan, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: w.catalogue()})
	if faults != nil {
		w.t.Fatal(faults)
	}
	if p, err := w.run(w.t.Context(), solo.Config{Plan: plan}); err != nil || p.State != recipe.JobSucceeded {
		w.t.Fatal(p.State, err)
	}
	data, err := os.ReadFile(filepath.Join(w.dir, "all.txt"))
	if err != nil {
		w.t.Fatal(err)
	}
	var list []int
	for line := range strings.Lines(string(data)) {
		if n, _ := strconv.Atoi(strings.TrimSuffix(line, "\n")); n%3 == 0 {
			list = append(list, n)
		}
	}
	return list
}

// TestFailedReplayFreesItsLetters lets a replay fail: its letters can be taken again.
func TestFailedReplayFreesItsLetters(t *testing.T) {
	w := newWorld(t)
	w.open()
	text := strings.Replace(numbers, "config: {}}", "config: {}, max_dead: 2000}", 1)
	plan, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: w.catalogue()})
	if faults != nil {
		t.Fatal(faults)
	}
	w.broken.Store(true)
	if p, err := w.run(t.Context(), solo.Config{Plan: plan}); err != nil || p.State != recipe.JobSucceeded {
		t.Fatal(p.State, err)
	}
	w.open()
	total, _ := w.letters()
	batch := w.free()[0]
	made, err := w.store.Plan(batch, w.catalogue())
	if err != nil {
		t.Fatal(err)
	}
	for i := range made.Steps { // this time it gives up at once
		made.Steps[i].OnError = recipe.Fail
	}
	child := solo.NewID()
	if err := w.store.Claim(t.Context(), batch, child); err != nil {
		t.Fatal(err)
	}
	p, err := w.run(t.Context(), solo.Config{Job: child, Parent: batch.Job.Job, Plan: made})
	if err != nil || p.State != recipe.JobFailed {
		t.Fatalf("got %s, %v, want a failed job", p.State, err)
	}
	w.open()
	if free, taken := w.letters(); free != total || taken != 0 {
		t.Errorf("got %d free and %d taken letters, want %d and none", free, taken, total)
	}
}

// TestFrom asks a letter for the file that its record was read from, when the job has ended.
func TestFrom(t *testing.T) {
	w := newWorld(t)
	w.open()
	for name, text := range map[string]string{"a.txt": "1\n2\n", "b.txt": "3\nbad\n"} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const text = `recipe: files
nodes:
  lines: {kind: file_reader, config: {path: '*.txt'}}
  n:     {kind: parse_int, from: lines}
  texts: {kind: to_string, from: n}
  out:   {kind: file_writer, from: texts, config: {path: out}}
`
	plan, faults := compile.Compile("r.yaml", []byte(text), compile.Options{Catalogue: w.catalogue()})
	if faults != nil {
		t.Fatal(faults)
	}
	if p, err := w.run(t.Context(), solo.Config{Plan: plan}); err != nil || p.State != recipe.JobSucceeded {
		t.Fatal(p.State, err)
	}
	w.open()
	found := 0
	err := w.store.Each(t.Context(), nil, func(l *dead.Letter) error {
		found++
		from, err := w.store.From(t.Context(), l)
		if err == nil && (from.Source != "lines" || from.Split != 1 || from.Frame != 0 || !strings.Contains(string(from.Of), `"b.txt"`)) {
			t.Errorf("got %+v of %s", from, from.Of)
		}
		return err
	})
	if err != nil || found != 1 {
		t.Errorf("got %d letters, %v", found, err)
	}
}
