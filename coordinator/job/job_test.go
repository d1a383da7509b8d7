package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/protocol"
	"sluice/nodes/all"
	"sluice/recipe"
)

const twoSources = `
recipe: two
nodes:
  a:   {kind: integer_generator, config: {count: 10}}
  b:   {kind: integer_generator, config: {count: 10}}
  c:   {kind: to_string, from: [a, {node: b, overflow: drop_oldest}]}
  out: {kind: file_writer, from: c, config: {path: out}}
`

const oneSource = `
recipe: one
nodes:
  a:   {kind: integer_generator, config: {count: 10}}
  out: {kind: file_writer, from: a, config: {path: out}}
`

// config is that of a new job of a recipe, on a server of its own.
func config(t *testing.T, text string) Config {
	t.Helper()
	plan, faults := compile.Compile("recipe.yaml", []byte(text), compile.Options{Catalogue: all.Catalogue(), Seed: 1})
	if plan == nil {
		t.Fatalf("the recipe does not compile: %v", faults)
	}
	return Config{Conn: bustest.Connect(t, bustest.Start(t, bus.ServerConfig{})), Job: "j", Plan: plan}
}

// opened opens the job, as a process does that may die later.
func opened(t *testing.T, c Config) *run {
	t.Helper()
	r, err := open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.pub.Close)
	if _, err := r.late.find(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func provisioned(t *testing.T, c Config) *run {
	t.Helper()
	r := opened(t, c)
	if err := r.provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// complete fails the test unless all is there that a running job needs, and of consumers
// no more.
func complete(t *testing.T, r *run) {
	t.Helper()
	ctx := t.Context()
	if name, err := r.conn.MissingStream(ctx, r.names, r.plan); err != nil || name != "" {
		t.Errorf("got stream %q missing, err %v", name, err)
	}
	want := map[string][]string{}
	for _, c := range r.consumers() {
		want[c.Stream] = append(want[c.Stream], c.Name)
	}
	for _, s := range r.names.Streams(r.plan) {
		got, err := r.conn.Consumers(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Sort(want[s]); !slices.Equal(got, want[s]) {
			t.Errorf("stream %s: got consumers %v, want %v", s, got, want[s])
		}
	}
	counts, err := r.conn.SubjectCounts(ctx, r.names.Splits(), r.names.SplitsAll())
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.plan.Steps {
		if r.plan.Steps[i].Role == recipe.RoleSource && counts[r.names.SplitOrder(i)] != 1 {
			t.Errorf("got %d orders to list the splits of step %d, want 1", counts[r.names.SplitOrder(i)], i)
		}
	}
	rec, err := Stored(ctx, r.conn, r.names.Job)
	if err != nil || rec.State != recipe.JobRunning || rec.Generation != r.rec.Generation {
		t.Errorf("got record %+v, err %v", rec, err)
	}
}

// TestProvisionGoesOn lets the coordinator die behind each of its steps, in the first start
// of the job and in a later one: the next start makes all that is missing, and removes what
// is of another start.
func TestProvisionGoesOn(t *testing.T) {
	for _, before := range []int{0, 1} { // complete starts before the one that dies
		for k := range 7 {
			t.Run(fmt.Sprintf("%d starts, dies behind %d", before, k), func(t *testing.T) {
				c := config(t, twoSources)
				for range before {
					complete(t, provisioned(t, c))
				}
				dying := opened(t, c)
				for _, do := range dying.provisions()[:k] {
					if err := do(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				complete(t, provisioned(t, c))
			})
		}
	}
}

// TestProvisionGoesOnInMidStep lets the coordinator die while it makes streams, and while
// it makes consumers.
func TestProvisionGoesOnInMidStep(t *testing.T) {
	c := config(t, twoSources)
	dying := opened(t, c)
	if err := dying.claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range dying.streams() {
		if err := dying.conn.EnsureStream(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if s.Name == dying.names.State() {
			break
		}
	}
	dying = opened(t, c)
	for _, do := range dying.provisions()[:3] {
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range dying.consumers()[:2] {
		if err := dying.conn.EnsureConsumer(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	complete(t, provisioned(t, c))
}

// TestAnotherStartWins shows that of two coordinators the one that claimed last runs the
// job: the other one can neither write the record nor the fold.
func TestAnotherStartWins(t *testing.T) {
	c := config(t, oneSource)
	first := provisioned(t, c)
	second := provisioned(t, c)
	first.owed = time.Now()
	second.owed = time.Now()
	if err := second.fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.fold(t.Context()); err == nil || !strings.Contains(err.Error(), "another coordinator") {
		t.Errorf("fold: got %v, want that another coordinator folds", err)
	}
	if err := first.write(t.Context(), recipe.JobSucceeded); err == nil || !strings.Contains(err.Error(), "another coordinator") {
		t.Errorf("record: got %v, want that another coordinator runs the job", err)
	}
}

// TestFoldWithoutAnswer lets the answer to a fold be lost, with the write behind it: not
// taken, taken, and taken only after the coordinator has looked.
func TestFoldWithoutAnswer(t *testing.T) {
	late := func(r *run, expect uint64) error {
		data, _ := json.Marshal(storedFold{r.acct.Fold, r.rec.Run})
		return r.pub.PutSync(context.Background(), bus.Put{Subject: r.names.Fold(), Data: data, ExpectSubjectSeq: &expect}).Err
	}
	for _, taken := range []string{"never", "before", "after"} {
		t.Run(taken, func(t *testing.T) {
			r := provisioned(t, config(t, oneSource))
			r.owed = time.Now()
			if taken == "before" {
				if err := late(r, 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.unfolded(t.Context(), bus.ErrTimeout); err != nil {
				t.Fatal(err)
			}
			if taken == "after" {
				if err := late(r, 0); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				if err := r.fold(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if !r.owed.IsZero() {
				t.Error("the fold is still owed")
			}
		})
	}
}

// TestFoldGivesUp bounds the tries.
func TestFoldGivesUp(t *testing.T) {
	r := provisioned(t, config(t, oneSource))
	r.owed = time.Now().Add(-2 * foldPatience)
	if err := r.unfolded(t.Context(), bus.ErrTimeout); err == nil {
		t.Error("got no error after the patience is over")
	}
}

// TestRecordWithoutAnswer goes on when the answer to a write of the record was lost.
func TestRecordWithoutAnswer(t *testing.T) {
	r := provisioned(t, config(t, oneSource))
	rev := r.rec.Revision
	if err := r.write(t.Context(), recipe.JobRunning); err != nil {
		t.Fatal(err)
	}
	r.rec.Revision = rev
	if err := r.write(t.Context(), recipe.JobDraining); err != nil {
		t.Fatal(err)
	}
}

// TestStopWithAFullQueue asks a job to stop while its ledger comes in faster than it is
// folded: more than the loop's queue holds.
func TestStopWithAFullQueue(t *testing.T) {
	c := config(t, oneSource)
	r := provisioned(t, c)
	var last bus.Outcome
	for n := range 3 * cap(r.news) {
		e := protocol.Entry{Step: 0, Ord: recipe.Ordinal{N: uint64(n + 1)}, Counts: [][]uint32{{1}}}
		if last = r.pub.PutSync(t.Context(), bus.Put{Subject: r.names.LedgerEntry(0, 0, e.Ord, false), Data: e.Append(nil)}); last.Err != nil {
			t.Fatal(last.Err)
		}
	}
	for range 10 {
		r := provisioned(t, c)
		stop, done := make(chan struct{}), make(chan ending, 1)
		go func() {
			end, err := r.loop(context.Background(), Control{Stop: stop})
			if err != nil {
				t.Error(err)
			}
			done <- end
		}()
		// The loop may empty the queue before it is seen full; then it is stopped at once.
		for began := time.Now(); len(r.news) == 0 && time.Since(began) < 100*time.Millisecond; {
			runtime.Gosched()
		}
		close(stop)
		select {
		case end := <-done:
			if end.state != recipe.JobStopped {
				t.Errorf("got %+v, want stopped", end)
			}
		case <-time.After(bustest.Within(5 * time.Second)):
			t.Fatal("the job does not stop")
		}
	}
}

// TestDrainSurvives keeps a job draining over a crash of its coordinator.
func TestDrainSurvives(t *testing.T) {
	c := config(t, oneSource)
	r := provisioned(t, c)
	if err := r.drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	provisioned(t, c)
	if rec, err := Stored(t.Context(), c.Conn, c.Job); err != nil || rec.State != recipe.JobDraining {
		t.Errorf("got %+v, err %v, want a job that drains", rec, err)
	}
}

// TestEndMeetsClaim ends a job between the claim of a coordinator that had stood still and its
// announcement: the job is at its end then, and the other learns that it is not alone.
func TestEndMeetsClaim(t *testing.T) {
	c := config(t, oneSource)
	provisioned(t, c)
	end, old := opened(t, c), opened(t, c)
	if err := old.claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	end.rec.Generation++ // as End does
	if _, err := end.conclude(ending{recipe.JobCancelled, ""}); !errors.Is(err, errAnother) {
		t.Errorf("got %v, want to be told of the other", err)
	}
	if _, err := End(t.Context(), c, recipe.JobCancelled, ""); err != nil {
		t.Fatal(err)
	}
	if err := old.announce(t.Context()); !errors.Is(err, errAnother) {
		t.Errorf("the old one got %v, want to be told of the other", err)
	}
	if rec, err := Stored(t.Context(), c.Conn, c.Job); err != nil || rec.State != recipe.JobCancelled {
		t.Errorf("got %+v, err %v, want a job that is cancelled", rec, err)
	}
}

// TestForeignEntryIsNoRest: an entry that is of no step is damage, and is told rather than counted.
func TestForeignEntryIsNoRest(t *testing.T) {
	r := provisioned(t, config(t, oneSource))
	e := protocol.Entry{Step: 99, Counts: [][]uint32{{1}}}
	if out := r.pub.PutSync(t.Context(), bus.Put{Subject: r.names.LedgerEntry(0, e.Step, e.Ord, false), Data: e.Append(nil)}); out.Err != nil {
		t.Fatal(out.Err)
	}
	if err := r.writeRest(t.Context()); err == nil || !strings.Contains(err.Error(), "of no step of the plan") {
		t.Errorf("got %v", err)
	}
}
