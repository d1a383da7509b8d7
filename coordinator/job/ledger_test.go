package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/protocol"
	"sluice/internal/trial"
	"sluice/recipe"
)

// text is a job of two sources, so that the ledger is purged source by source. Where there
// is no file go, held waits.
const text = `
recipe: two
nodes:
  lines: {kind: file_reader, config: {path: in}}
  other: {kind: file_reader, config: {path: in}}
  held:  {kind: held, from: [lines, other], config: {path: go}}
  out:   {kind: file_writer, from: held, config: {path: out}}
`

// apart is the same job, but that what comes from other waits for a file on.
var apart = strings.Replace(text, "other]", "late]", 1) + `  late:  {kind: held, from: other, config: {path: on}}
`

// world is a rig with one job.
type world struct {
	*trial.Rig
	*trial.Job
	t *testing.T
}

func newWorld(t *testing.T) *world { return newWorldOf(t, text) }

func newWorldOf(t *testing.T, text string) *world {
	r := trial.New(t, trial.OneProcess, trial.Config{})
	var in strings.Builder
	for i := range 5000 {
		fmt.Fprintln(&in, i)
	}
	r.File("in", in.String())
	return &world{r, r.Job(t, text, trial.Frames(10)), t}
}

// run runs the job's coordinator once.
func (w *world) run(ctx context.Context, folded func()) (recipe.Progress, error) {
	return job.Run(ctx, job.Config{Conn: w.Conn, Job: w.ID, Plan: w.Plan, Folded: folded, Keep: true}, job.Control{})
}

// exact runs the job to its end, which must have each line of each source once, and an
// account of the ledger that is right.
func (w *world) exact() {
	w.t.Helper()
	p, err := w.run(bustest.Context(w.t), nil)
	if err != nil || p.State != recipe.JobSucceeded {
		w.t.Fatalf("got %s (%s), %v, want succeeded", p.State, p.Reason, err)
	}
	st, err := w.Conn.StreamState(bustest.Context(w.t), w.Names().Ledger())
	if f := w.Fold(); err != nil || st.Last-st.Msgs != f.Purged {
		w.t.Errorf("the ledger has %d of %d entries (%v), and the fold says that %d were purged", st.Msgs, st.Last, err, f.Purged)
	}
	count := map[string]int{}
	for _, l := range w.Lines(w.t, "out") {
		count[l]++
	}
	for l, n := range count {
		if n != 2 {
			w.t.Errorf("got line %q %d times, want twice", l, n)
		}
	}
	if len(count) != 5000 {
		w.t.Errorf("got %d different lines, want 5000", len(count))
	}
}

// ahead calls f once, between a fold that asks for a purge and the purge, where the fold is
// as it is wanted: a purge before the fold is written would never be seen as missing less
// than the fold says.
func (w *world) ahead(wanted func(protocol.Fold) bool, f func(bus.StreamState)) (folded func(), called <-chan struct{}) {
	done := make(chan struct{})
	var once sync.Once
	return func() {
		st, err := w.Conn.StreamState(context.Background(), w.Names().Ledger())
		if fold := w.Fold(); err == nil && st.Last-st.Msgs < fold.Purged && wanted(fold) {
			once.Do(func() { f(st); close(done) })
		}
	}, done
}

func always(protocol.Fold) bool { return true }

// last reports whether a fold is that of a job's end.
func last(f protocol.Fold) bool {
	for _, s := range f.Steps {
		for _, c := range s.Lanes {
			if !c.Done {
				return false
			}
		}
	}
	return true
}

// TestEndBetweenFoldAndPurge ends a coordinator behind the write of a fold and before its
// purge: the next one carries the purge out, and is exact.
func TestEndBetweenFoldAndPurge(t *testing.T) {
	w := newWorld(t)
	w.File("go", "")
	ctx, kill := context.WithCancel(bustest.Context(t))
	folded, killed := w.ahead(always, func(bus.StreamState) { kill() })
	p, err := w.run(ctx, folded)
	select {
	case <-killed:
	default:
		t.Fatalf("no fold was written before its purge; the job is %s, %v", p.State, err)
	}
	if err == nil {
		t.Fatalf("the ended coordinator says %s (%s)", p.State, p.Reason)
	}
	w.exact()
}

// TestStolenBeforeThePurge deletes an entry that the fold covers just before it is purged,
// in the middle of the job and at its end.
func TestStolenBeforeThePurge(t *testing.T) {
	for name, wanted := range map[string]func(protocol.Fold) bool{"middle": always, "end": last} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.File("go", "")
			show, stolen := w.ahead(wanted, func(st bus.StreamState) { w.steal(st.First) })
			p, err := w.run(bustest.Context(t), show)
			bustest.Wait(t, "the theft", stolen)
			if err != nil || p.State != recipe.JobFailed || !strings.HasPrefix(p.Reason, "edge e") || !strings.Contains(p.Reason, "taken out of ") {
				t.Errorf("got %s (%s), %v, want a failure that names an edge", p.State, p.Reason, err)
			}
		})
	}
}

// TestAnotherPurges has somebody else fold and purge while nothing moves: then nothing is
// stolen, and this coordinator ends.
func TestAnotherPurges(t *testing.T) {
	w := newWorld(t)
	errs := make(chan error, 1)
	go func() {
		p, err := w.run(bustest.Context(t), nil)
		if err == nil {
			err = fmt.Errorf("the job is %s (%s)", p.State, p.Reason)
		}
		errs <- err
	}()
	w.waits()
	w.put(w.Names().Fold(), w.Fold())
	w.steal(1)
	if err := bustest.Wait(t, "the end", errs); !strings.Contains(err.Error(), "another coordinator folds") {
		t.Errorf("got %v, want that another coordinator folds", err)
	}
}

// TestDeposedPurges has a coordinator fold and purge while another one takes its job up, which had
// read an earlier fold: that one ends, and finds no theft.
func TestDeposedPurges(t *testing.T) {
	w, ctx := newWorld(t), bustest.Context(t)
	done := make(chan error, 1)
	go func() {
		p, err := w.run(ctx, nil)
		if err == nil && p.State != recipe.JobSucceeded {
			err = fmt.Errorf("the job is %s (%s)", p.State, p.Reason)
		}
		done <- err
	}()
	w.waits()
	next := w.open()
	w.File("go", "")
	bustest.Eventually(t, "the first has purged", func() bool {
		st, err := w.Conn.StreamState(ctx, w.Names().Ledger())
		return err == nil && st.Last > st.Msgs
	})
	if reason, err := next.Resume(ctx); err == nil || !strings.Contains(err.Error(), "another coordinator folds") {
		t.Errorf("got %q, %v, want that another coordinator folds", reason, err)
	}
	if err := bustest.Wait(t, "the first", done); err != nil {
		t.Error(err)
	}
	w.exact()
}

// TestPurgedForIt has a coordinator stand still between its fold and the purge, which another one
// carries out that takes its job up: the first one finds no theft. In the middle of the job it ends;
// where there is nothing left to fold it may as well end the job.
func TestPurgedForIt(t *testing.T) {
	for name, wanted := range map[string]func(protocol.Fold) bool{"middle": always, "end": last} {
		t.Run(name, func(t *testing.T) {
			w, ctx := newWorldOf(t, apart), bustest.Context(t)
			w.File("go", "")
			if name == "end" {
				w.File("on", "")
			}
			folded, stood := w.ahead(wanted, func(bus.StreamState) {
				w.File("on", "")
				if reason, err := w.open().Resume(ctx); reason != "" || err != nil {
					t.Errorf("the other: got %q, %v", reason, err)
				}
			})
			p, err := w.run(ctx, folded)
			bustest.Wait(t, "the first to stand still", stood)
			deposed := err != nil && strings.Contains(err.Error(), "another coordinator folds")
			done := name == "end" && err == nil && p.State == recipe.JobSucceeded
			if !deposed && !done {
				t.Errorf("got %s (%s), %v, want that another coordinator folds", p.State, p.Reason, err)
			}
			w.exact()
		})
	}
}

// TestPurgedInAFullStore is the same where the other one has died before there was room to write the
// fold, with the purges carried out, or only the first of them: the first one goes on.
func TestPurgedInAFullStore(t *testing.T) {
	for name, purge := range map[string]func(*world, context.Context) error{
		"all": func(w *world, ctx context.Context) error { return w.open().PurgeAgain(ctx) },
		"first": func(w *world, ctx context.Context) error {
			_, err := w.Conn.PurgeSubjectBelow(ctx, w.Names().Ledger(), w.Names().LedgerSource(0), w.Fold().Below[0])
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ctx := newWorld(t), bustest.Context(t)
			w.File("go", "")
			both := func(f protocol.Fold) bool { return f.Below[0] > 2 && f.Below[1] > 2 }
			folded, stood := w.ahead(both, func(bus.StreamState) {
				if err := purge(w, ctx); err != nil {
					t.Error(err)
				}
			})
			p, err := w.run(ctx, folded)
			bustest.Wait(t, "the first to stand still", stood)
			if err != nil || p.State != recipe.JobSucceeded {
				t.Errorf("got %s (%s), %v, want that it has succeeded", p.State, p.Reason, err)
			}
			w.exact()
		})
	}
}

// open has another coordinator read what is stored of the job.
func (w *world) open() *job.Opened {
	w.t.Helper()
	o, err := job.Open(bustest.Context(w.t), job.Config{Conn: w.Conn, Job: w.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// waits returns when a good part was read and folded, of which nothing is purged.
func (w *world) waits() {
	w.t.Helper()
	bustest.Eventually(w.t, "the sources are far ahead", func() bool {
		f := w.Fold()
		return f.Steps != nil && f.Steps[0].Frames >= 50 && f.Steps[1].Frames >= 50
	})
}

func (w *world) steal(seq uint64) {
	w.t.Helper()
	if err := w.Conn.DeleteSeq(bustest.Context(w.t), w.Names().Ledger(), seq); err != nil {
		w.t.Error(err)
	}
}

// resting runs the job until some frames are counted, and ends its coordinator.
func (w *world) resting() {
	w.t.Helper()
	ctx, kill := context.WithCancel(bustest.Context(w.t))
	_, _ = w.run(ctx, func() {
		if w.Fold().Steps[0].Out[0] >= 100 {
			kill()
		}
	})
	if ctx.Err() == nil {
		w.t.Fatal("the job has ended by itself")
	}
}

// TestFoldThatDoesNotBalance changes the stored account of an edge: at the job's end it is
// looked at once more.
func TestFoldThatDoesNotBalance(t *testing.T) {
	w := newWorld(t)
	w.resting()
	f := w.Fold()
	f.Edges[1].Produced += 3
	w.put(w.Names().Fold(), f)
	w.File("go", "")
	p, err := w.run(bustest.Context(t), nil)
	if want := "edge e2 (other to held) does not balance: 5003 records produced, 0 dropped, 5000 taken"; err != nil || p.State != recipe.JobFailed || p.Reason != want {
		t.Errorf("got %s (%s), %v, want failed (%s)", p.State, p.Reason, err, want)
	}
}

func (w *world) put(subject string, f protocol.Fold) {
	w.t.Helper()
	data, err := json.Marshal(f)
	if err != nil {
		w.t.Fatal(err)
	}
	pub, err := w.Conn.NewPublisher()
	if err != nil {
		w.t.Fatal(err)
	}
	defer pub.Close()
	if out := pub.PutSync(bustest.Context(w.t), bus.Put{Subject: subject, Data: data}); out.Err != nil {
		w.t.Fatal(out.Err)
	}
}

// TestStolenLedger deletes the whole ledger at rest.
func TestStolenLedger(t *testing.T) {
	w := newWorld(t)
	w.resting()
	if err := w.Conn.DeleteStream(bustest.Context(t), w.Names().Ledger()); err != nil {
		t.Fatal(err)
	}
	p, err := w.run(bustest.Context(t), nil)
	if err != nil || p.State != recipe.JobFailed || !strings.Contains(p.Reason, "LEDGER is gone") {
		t.Errorf("got %s (%s), %v, want failed", p.State, p.Reason, err)
	}
}

// TestTwoCoordinators has two coordinators at one job: one of them ends with an error, and
// none takes what the other purged for a theft.
func TestTwoCoordinators(t *testing.T) {
	w := newWorld(t)
	w.File("go", "")
	errs := make(chan error, 2)
	both := func() {
		p, err := w.run(bustest.Context(t), nil)
		if err == nil && p.State != recipe.JobSucceeded {
			t.Errorf("got %s (%s)", p.State, p.Reason)
		}
		errs <- err
	}
	go both()
	bustest.Eventually(t, "the first has folded", func() bool { return w.Fold().Purged > 0 })
	go both()
	for range 2 {
		if err := bustest.Wait(t, "an end", errs); err != nil {
			t.Log(err)
		}
	}
	w.exact()
}
