package store_test

import (
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestUnfinished counts jobs by owner as they are submitted, end, go on and are forgotten, at the
// coordinator that writes and at one that reads.
func TestUnfinished(t *testing.T) {
	server := bustest.Server(t)
	a, ctx := open(t, bustest.Connect(t, server)), bustest.Context(t)
	status := func(id recipe.JobID, state recipe.JobState) {
		t.Helper()
		if err := a.jobs.WriteStatus(ctx, id, coordinator.Status{State: state}); err != nil {
			t.Fatal(err)
		}
	}
	for n, owner := range []string{"ann", "ann", "ann", "bob"} {
		s := spec("j"+string(rune('0'+n)), n)
		s.Owner = owner
		if _, _, err := a.jobs.Submit(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	count := func(of *store.Jobs, ann, bob int) {
		t.Helper()
		x, y, z := of.Unfinished("ann"), of.Unfinished("bob"), of.Unfinished("nobody")
		if x != ann || y != bob || z != 0 {
			t.Errorf("got %d of ann, %d of bob, %d of nobody; want %d, %d, 0", x, y, z, ann, bob)
		}
	}
	count(a.jobs, 3, 1)
	for id, want := range map[recipe.JobID]int{"j0": 0, "j2": 2, "j3": 0, "none": 0} {
		if got := a.jobs.Earlier(id); got != want {
			t.Errorf("%d earlier ones than %s, want %d", got, id, want)
		}
	}
	status("j0", recipe.JobRunning)
	status("j0", recipe.JobSucceeded)
	status("j3", recipe.JobFailed)
	count(a.jobs, 2, 0)
	if got := a.jobs.Earlier("j2"); got != 1 {
		t.Errorf("%d earlier ones that have not ended, want 1", got)
	}
	if err := a.jobs.Forget(ctx, "j0"); err != nil {
		t.Fatal(err)
	}
	if err := a.jobs.Forget(ctx, "j1"); err != nil { // one that has not ended
		t.Fatal(err)
	}
	count(a.jobs, 1, 0)
	count(open(t, bustest.Connect(t, server)).jobs, 1, 0)
}
