package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// desk is one coordinator's view of a project.
type desk struct {
	*store.Control
	jobs *store.Jobs
}

func open(t *testing.T, conn *bus.Conn) desk {
	t.Helper()
	ctx := bustest.Context(t)
	c, err := store.Open(ctx, store.Config{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	d := desk{c, store.NewJobs(c)}
	if err := c.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return d
}

func spec(id string, minute int) *coordinator.Spec {
	return &coordinator.Spec{Job: recipe.JobID(id), Recipe: "r", Plan: &recipe.Plan{}, Source: "x", Owner: "ann",
		Created: time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC)}
}

func family(t *testing.T, what string, err error, want coordinator.Family) {
	t.Helper()
	if got := coordinator.FamilyOf(err); got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

// TestSubmitOnce submits the same job by two coordinators: the same body is the same job.
func TestSubmitOnce(t *testing.T) {
	server := bustest.Server(t)
	a, b, ctx := open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server)), bustest.Context(t)
	one := spec("one", 0)
	one.Body = "digest"
	if _, again, err := a.jobs.Submit(ctx, one); err != nil || again {
		t.Fatal(again, err)
	}
	job, again, err := b.jobs.Submit(ctx, one)
	if err != nil || !again || job.ID != "one" || job.State != recipe.JobPending || job.Want != coordinator.WantRun {
		t.Errorf("got %+v, again %v, %v", job, again, err)
	}
	other := spec("one", 1)
	other.Body = "another"
	_, _, err = b.jobs.Submit(ctx, other)
	family(t, "another body", err, coordinator.Conflict)
	whole, err := b.jobs.Spec(ctx, "one")
	if err != nil || whole.Source != "x" || whole.Plan == nil {
		t.Errorf("got %+v, %v", whole, err)
	}
}

// TestOrders walks through what may be wanted of a job.
func TestOrders(t *testing.T) {
	d, ctx := open(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	if _, _, err := d.jobs.Submit(ctx, spec("one", 0)); err != nil {
		t.Fatal(err)
	}
	order := func(w coordinator.Want, rev uint64) error {
		_, err := d.jobs.Order(ctx, "one", coordinator.Order{Want: w, By: "bob"}, rev)
		return err
	}
	family(t, "gone while it runs", order(coordinator.WantGone, 0), coordinator.Conflict)
	family(t, "an old revision", order(coordinator.WantPause, 1<<40), coordinator.Changed)
	for _, w := range []coordinator.Want{coordinator.WantPause, coordinator.WantRun, coordinator.WantStop, coordinator.WantCancel} {
		if err := order(w, 0); err != nil {
			t.Fatalf("%s: %v", w, err)
		}
	}
	family(t, "run again what is being cancelled", order(coordinator.WantRun, 0), coordinator.Conflict)
	if err := d.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobCancelled}); err != nil {
		t.Fatal(err)
	}
	family(t, "pause what has ended", order(coordinator.WantPause, 0), coordinator.Conflict)
	if err := order(coordinator.WantGone, 0); err != nil {
		t.Fatal(err)
	}
	family(t, "run what is being deleted", order(coordinator.WantRun, 0), coordinator.Unknown)
	if err := d.jobs.Forget(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	_, err := d.jobs.Job("one")
	family(t, "what is deleted", err, coordinator.Unknown)
	_, _, err = d.jobs.Submit(ctx, spec("one", 0))
	family(t, "the id of what was deleted", err, coordinator.Conflict)
}

// TestTerms lets a leader write that stood still while another one took over: it is refused.
func TestTerms(t *testing.T) {
	server := bustest.Server(t)
	a, b, ctx := open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server)), bustest.Context(t)
	if _, _, err := a.jobs.Submit(ctx, spec("one", 0)); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the other sees the job", func() bool { _, err := b.jobs.Job("one"); return err == nil })
	if err := b.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobRunning, Term: 7}); err != nil {
		t.Fatal(err)
	}
	family(t, "an earlier leader", a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobFailed, Term: 6}), coordinator.Changed)
	bustest.Eventually(t, "it has seen what the later one wrote", func() bool { j, err := a.jobs.Job("one"); return err == nil && j.State == recipe.JobRunning })
	family(t, "an earlier leader again", a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobFailed, Term: 6}), coordinator.Changed)
	if err := a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobFailed, Term: 8}); err != nil {
		t.Error(err)
	}
}

// TestPages lists jobs over several pages while others are submitted, and by filters.
func TestPages(t *testing.T) {
	d, ctx := open(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	submit := func(n int) {
		s := spec(fmt.Sprintf("j%02d", n), n)
		s.Labels = map[string]string{"even": fmt.Sprint(n%2 == 0)}
		if _, _, err := d.jobs.Submit(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{3, 1, 4, 0, 2, 6, 5} {
		submit(n)
	}
	var got []string
	f := coordinator.Filter{Limit: 3}
	for {
		page, err := d.jobs.List(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Jobs {
			got = append(got, string(j.ID))
		}
		if f.After = page.Next; f.After == "" {
			break
		}
		submit(10 + len(got)) // newer ones are not in the way
	}
	if want := []string{"j06", "j05", "j04", "j03", "j02", "j01", "j00"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	page, err := d.jobs.List(coordinator.Filter{Limit: 100, Labels: map[string]string{"even": "true"}, Until: time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC)})
	if err != nil || len(page.Jobs) != 3 {
		t.Errorf("got %d jobs, %v; want j04, j02 and j00", len(page.Jobs), err)
	}
	_, err = d.jobs.List(coordinator.Filter{After: "nonsense"})
	family(t, "a wrong cursor", err, coordinator.Invalid)
}

// TestFollow opens a second coordinator when there is something already, and shows that what
// the first one removed is not there.
func TestFollow(t *testing.T) {
	server := bustest.Server(t)
	a, ctx := open(t, bustest.Connect(t, server)), bustest.Context(t)
	for n := range 5 {
		if _, _, err := a.jobs.Submit(ctx, spec(fmt.Sprint("j", n), n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.jobs.Forget(ctx, "j4"); err != nil {
		t.Fatal(err)
	}
	b := open(t, bustest.Connect(t, server))
	count := 0
	b.jobs.All(func(coordinator.Job) bool { count++; return true })
	if count != 4 {
		t.Errorf("got %d jobs, want 4", count)
	}
	if _, err := b.jobs.Order(ctx, "j1", coordinator.Order{Want: coordinator.WantPause}, 0); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the other sees it", func() bool {
		j, err := a.jobs.Job("j1")
		return err == nil && j.Want == coordinator.WantPause
	})
}

// TestChange lets many change one record at once: none is lost.
func TestChange(t *testing.T) {
	type counter struct {
		N int `json:"n"`
	}
	ctx := bustest.Context(t)
	c, err := store.Open(ctx, store.Config{Conn: bustest.Conn(t, bustest.InProcess)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	table := store.NewTable[counter](c, "counter")
	if err := c.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := table.Change(ctx, "x", func(v *counter) error { v.N++; return nil })
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	v, rev, err := table.Read(context.Background(), "x")
	if err != nil || v.N != 8 {
		t.Errorf("got %+v, %v", v, err)
	}
	if err := table.Remove(ctx, "x", rev); err != nil {
		t.Fatal(err)
	}
	_, err = table.Create(ctx, "x", &counter{N: 1})
	if err != nil {
		t.Errorf("what was removed can't be made again: %v", err)
	}
}

// TestReplayKeeps refuses to delete a job while a replay of its dead letters, or a replay of that
// one, has not ended.
func TestReplayKeeps(t *testing.T) {
	a, ctx := open(t, bustest.Connect(t, bustest.Server(t))), bustest.Context(t)
	parent := ""
	for n, id := range []string{"origin", "replay", "again"} {
		s := spec(id, n)
		s.Parent = recipe.JobID(parent)
		if _, _, err := a.jobs.Submit(ctx, s); err != nil {
			t.Fatal(err)
		}
		parent = id
	}
	for _, id := range []recipe.JobID{"origin", "replay"} {
		if err := a.jobs.WriteStatus(ctx, id, coordinator.Status{State: recipe.JobFailed}); err != nil {
			t.Fatal(err)
		}
	}
	gone := coordinator.Order{Want: coordinator.WantGone}
	for _, id := range []recipe.JobID{"origin", "replay"} {
		if replay, found := a.jobs.Replay(id); !found || replay != "again" {
			t.Errorf("%s: got %q, %v", id, replay, found)
		}
		if _, err := a.jobs.Order(ctx, id, gone, 0); coordinator.FamilyOf(err) != coordinator.Conflict {
			t.Errorf("%s: got %v", id, err)
		}
	}
	if err := a.jobs.WriteStatus(ctx, "again", coordinator.Status{State: recipe.JobCancelled}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.jobs.Order(ctx, "origin", gone, 0); err != nil {
		t.Errorf("got %v", err)
	}
}
