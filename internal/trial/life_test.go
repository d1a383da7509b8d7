package trial_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/job"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/trial"
	"sluice/recipe"
)

// soon fails the test unless a job's result comes in time.
func soon(t *testing.T, d time.Duration, done <-chan *trial.Result, what string) *trial.Result {
	t.Helper()
	d = bustest.Within(d)
	select {
	case r := <-done:
		return r
	case <-time.After(d):
		t.Fatalf("%s: no end within %v", what, d)
		return nil
	}
}

// TestStopIsPromptWhenNobodyLooks holds up the terminal while thousands of entries come:
// the job goes on, and the first Ctrl-C brings it to rest.
func TestStopIsPromptWhenNobodyLooks(t *testing.T) {
	r := trial.New(t, trial.OneProcess, trial.Config{})
	r.File("in", lines(20_000, "%d"))
	j := r.Job(t, copyRecipe, trial.Frames(1))
	shown, free := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(free) })
	j.Show = func(recipe.Progress) {
		select {
		case <-shown:
		default:
			close(shown)
		}
		<-free
	}
	stop := make(chan struct{})
	done := j.Start(stop)
	<-shown
	committed(t, r, j, 5000)
	close(stop)
	if res := soon(t, 4*time.Second, done, "stop"); res.State != recipe.JobStopped {
		t.Errorf("got %s (%s), want stopped", res.State, res.Reason)
	}
}

const copyRecipe = `
recipe: copy
nodes:
  lines: {kind: file_reader, config: {path: in}}
  same:  {kind: regex_match, from: lines, config: {regex: '.*'}}
  out:   {kind: file_writer, from: same, config: {path: out}}
`

// committed waits until so many entries were written to a job's ledger.
func committed(t *testing.T, r *trial.Rig, j *trial.Job, n uint64) {
	t.Helper()
	await(t, "entries in the ledger", func() bool {
		st, err := r.Conn.StreamState(context.Background(), j.Names().Ledger())
		return err == nil && st.Last >= n
	})
}

// await looks until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(30 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// TestLeavingWorkerGivesBack dismisses the workers in mid-job and hires others: what the
// first had in hand goes on at once, not after AckWait.
func TestLeavingWorkerGivesBack(t *testing.T) {
	trial.Each(t, trial.Config{AckWait: 10 * time.Minute}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(400, "%d"))
		j := r.Job(t, `
recipe: leave
nodes:
  lines: {kind: file_reader, config: {path: in}}
  held:  {kind: held, from: lines, config: {path: open}}
  out:   {kind: file_writer, from: held, config: {path: out}}
`, trial.Frames(1))
		done := j.Start(nil)
		committed(t, r, j, 60) // the source is far ahead of what is held
		r.Dismiss()
		r.File("open", "")
		r.Hire()
		began := time.Now()
		soon(t, 30*time.Second, done, "hired anew").Succeeded()
		t.Logf("ended %v after others were hired", time.Since(began))
		if r.Read(t, "out") != r.Read(t, "in") {
			t.Error("the output is not the input")
		}
	})
}

// TestMissingStreamFailsTheJob deletes a stream under a running job: it fails at once and
// says which, and the worker serves others.
func TestMissingStreamFailsTheJob(t *testing.T) {
	for _, c := range []struct {
		what   string
		stream func(*trial.Job) string
		says   string
	}{
		{"ledger", func(j *trial.Job) string { return j.Names().Ledger() }, "LEDGER is gone"},
		{"state", func(j *trial.Job) string { return j.Names().State() }, "STATE is gone"},
		{"edge", func(j *trial.Job) string { return j.Names().Fill(j.Plan.Streams[0].Name) }, "edge e1 (lines to same)"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := trial.New(t, trial.OneProcess, trial.Config{})
			r.File("in", lines(200_000, "%d"))
			j := r.Job(t, copyRecipe, trial.Frames(4))
			done := j.Start(nil)
			committed(t, r, j, 1000)
			if err := r.Conn.DeleteStream(context.Background(), c.stream(j)); err != nil {
				t.Fatal(err)
			}
			soon(t, 6*time.Second, done, "stream deleted").Failed(c.says)
			r.File("in", lines(10, "%d"))
			r.Run(t, copyRecipe).Succeeded()
		})
	}
}

// TestNodesAtWorkAreProgress lets one record take longer than the watchdog's patience.
func TestNodesAtWorkAreProgress(t *testing.T) {
	t.Parallel()
	r := trial.New(t, trial.OneProcess, trial.Config{Stall: 2500 * time.Millisecond})
	r.File("in", lines(2, "%d"))
	r.Run(t, `
recipe: slow
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  {kind: delay, from: lines, config: {duration: 4s}}
  out:   {kind: file_writer, from: slow, config: {path: out}}
`).Succeeded()
}

// TestUnservedSourceIsNamed runs a recipe whose source nobody serves; one that waits for
// its input is served.
func TestUnservedSourceIsNamed(t *testing.T) {
	t.Parallel()
	r := trial.New(t, trial.OneProcess, trial.Config{Workers: [][]string{{"file_writer"}}, Stall: time.Second})
	r.File("in", lines(2, "%d"))
	r.Run(t, `
recipe: unserved
nodes:
  lines: {kind: file_reader, config: {path: in}}
  out:   {kind: file_writer, from: lines, config: {path: out}}
`).Failed("source lines", "serves kind file_reader")
}

// TestHungJobIsInNobodysWay runs jobs of which one hangs in a source that does not end
// with its context: it can be stopped, and the others neither wait for it nor its worker.
func TestHungJobIsInNobodysWay(t *testing.T) {
	t.Parallel()
	r := trial.New(t, trial.OneProcess, trial.Config{})
	t.Cleanup(func() { r.File("free", "") })
	hung := r.Job(t, "recipe: hung\nnodes:\n  in:  {kind: stuck, config: {begun: begun, until: free}}\n  out: {kind: printer, from: in}\n")
	stop := make(chan struct{})
	done := hung.Start(stop)
	await(t, "the source reads", func() bool { return r.Has("begun") })
	r.File("in", lines(1000, "%d"))
	r.Run(t, copyRecipe).Succeeded()
	close(stop)
	if res := soon(t, 3*time.Second, done, "stop"); res.State != recipe.JobStopped {
		t.Errorf("got %s, want stopped", res.State)
	}
	began := time.Now()
	for range 3 {
		r.Run(t, copyRecipe).Succeeded()
	}
	r.Dismiss()
	if took := time.Since(began); took > bustest.Within(10*time.Second) {
		t.Errorf("three jobs and the leave took %v", took)
	}
}

// TestDrain ends the sources of a job early: what was read arrives, and the job succeeds.
func TestDrain(t *testing.T) {
	r := trial.New(t, trial.OneProcess, trial.Config{})
	r.File("in", lines(100_000, "%d"))
	j := r.Job(t, strings.Replace(copyRecipe, "kind: regex_match, from: lines, config: {regex: '.*'}", "kind: throttle, from: lines, config: {rate: 2000}", 1), trial.Frames(16))
	drain := make(chan struct{})
	done := make(chan *trial.Result, 1)
	go func() { done <- j.Under(job.Control{Drain: drain}) }()
	committed(t, r, j, 100)
	close(drain)
	res := soon(t, 30*time.Second, done, "drain").Succeeded()
	if n := res.Account("out").In; n == 0 || n >= 100_000 || n != res.Read() {
		t.Errorf("got %d written of %d read, want as many, and fewer than there are", n, res.Read())
	}
	if !strings.HasPrefix(r.Read(t, "in"), r.Read(t, "out")) {
		t.Error("the output is not the beginning of the input")
	}
}

// TestCancel ends a job for good: its streams are gone, and a later run finds it cancelled.
func TestCancel(t *testing.T) {
	r := trial.New(t, trial.OneProcess, trial.Config{})
	r.File("in", lines(500_000, "%d"))
	j := r.Job(t, copyRecipe, trial.Frames(4))
	cancel := make(chan struct{})
	done := make(chan *trial.Result, 1)
	go func() { done <- j.Under(job.Control{Cancel: cancel}) }()
	committed(t, r, j, 100)
	close(cancel)
	if res := soon(t, 4*time.Second, done, "cancel"); res.State != recipe.JobCancelled {
		t.Fatalf("got %s (%s), want cancelled", res.State, res.Reason)
	}
	if _, err := r.Conn.StreamState(context.Background(), j.Names().Ledger()); !errors.Is(err, bus.ErrNoStream) {
		t.Errorf("got %v of the ledger, want that it is gone", err)
	}
	if res := j.Run(); res.State != recipe.JobCancelled {
		t.Errorf("got %s of a later run, want cancelled", res.State)
	}
}

// TestPools runs a recipe whose steps name pools on workers of those pools.
func TestPools(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{Workers: [][]string{nil, nil}, Pools: []string{"near", "far"}, Stall: 6 * time.Second}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(500, "%d"))
		const text = `
recipe: pools
nodes:
  lines: {kind: file_reader, pool: near, config: {path: in}}
  who:   {kind: to_uppercase, pool: far, from: lines}
  out:   {kind: file_writer, from: who, config: {path: out}}
`
		r.Run(t, text, trial.Frames(1)).Succeeded()
		r.Run(t, strings.Replace(text, "far", "nowhere", 1)).Failed("pool nowhere", "to_uppercase")
	})
}

// TestBusyInstancesAreClosed dismisses a worker whose instances are all at work.
func TestBusyInstancesAreClosed(t *testing.T) {
	r := trial.New(t, trial.OneProcess, trial.Config{})
	before := trial.Held.Load()
	r.File("in", lines(400, "%d"))
	stop := make(chan struct{})
	done := r.Job(t, strings.Replace(copyRecipe, "kind: regex_match, from: lines, config: {regex: '.*'}", "kind: held, from: lines, parallel: 4, config: {path: open, deaf: true}", 1), trial.Frames(1)).Start(stop)
	await(t, "four instances", func() bool { return trial.Held.Load() == before+4 })
	r.Dismiss()
	if n := trial.Held.Load(); n != before+4 {
		t.Errorf("got %d instances closed while they are at work", before+4-n)
	}
	r.File("open", "")
	await(t, "all are closed", func() bool { return trial.Held.Load() == before })
	close(stop)
	soon(t, 4*time.Second, done, "stop")
}

// TestWorkerLeavesAJobThatIsGone kills the coordinator and deletes the ledger: the worker
// ends the job, and does not try for ever.
func TestWorkerLeavesAJobThatIsGone(t *testing.T) {
	r := trial.New(t, trial.OneProcess, trial.Config{})
	r.File("in", lines(500_000, "%d"))
	j := r.Job(t, copyRecipe, trial.Frames(4))
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	dead := make(chan error, 1)
	go func() {
		_, err := job.Run(ctx, job.Config{Conn: r.Conn, Job: j.ID, Plan: j.Plan}, job.Control{})
		dead <- err
	}()
	committed(t, r, j, 100)
	kill()
	if err := <-dead; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v of a killed coordinator", err)
	}
	if err := r.Conn.DeleteStream(context.Background(), j.Names().Ledger()); err != nil {
		t.Fatal(err)
	}
	out := len(j.Plan.Steps) - 1
	last, since := uint64(0), time.Now()
	await(t, "the sink's lease is free for good", func() bool {
		m, err := r.Conn.Last(context.Background(), j.Names().State(), j.Names().Lease(out))
		if err != nil {
			t.Fatal(err)
		}
		var l bus.Lease
		if err := json.Unmarshal(m.Data, &l); err != nil {
			t.Fatal(err)
		}
		if l.Worker != "" || l.Epoch != last {
			last, since = l.Epoch, time.Now()
		}
		return time.Since(since) > time.Second
	})
}
