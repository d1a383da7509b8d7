package store_test

import (
	"errors"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestKeyOfDeleted: the key of a job that was deleted makes no other one while its mark stays, at
// any coordinator; and behind that one which can be run and stopped as any other.
func TestKeyOfDeleted(t *testing.T) {
	t.Parallel()
	server, ctx := bustest.Server(t), bustest.Context(t)
	at := func() desk {
		c, err := store.Open(ctx, store.Config{Conn: bustest.Connect(t, server), Marks: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		d := desk{c, store.NewJobs(c)}
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		return d
	}
	a, b := at(), at()
	one := spec("one", 0)
	one.Body = "digest"
	if got, err := b.jobs.Keyed(ctx, "one"); got != nil || err != nil {
		t.Errorf("before: got %v, %v", got, err)
	}
	for round := range 2 {
		if _, _, err := a.jobs.Submit(ctx, one); err != nil {
			t.Fatal(round, err)
		}
		if got, err := b.jobs.Keyed(ctx, "one"); err != nil || got == nil || got.Body != one.Body {
			t.Errorf("%d: got %v, %v", round, got, err)
		}
		if err := a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobRunning}); err != nil {
			t.Fatal(round, err)
		}
		if _, err := a.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantCancel}, 0); err != nil {
			t.Fatal(round, err)
		}
		if _, err := a.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantGone}, 0); err != nil {
			t.Fatal(round, err)
		}
		if err := a.jobs.Forget(ctx, "one"); err != nil {
			t.Fatal(round, err)
		}
		family(t, "a status of what is deleted", a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobFailed}), coordinator.Unknown)
		for _, d := range []desk{a, b, at()} {
			_, _, err := d.jobs.Submit(ctx, one)
			family(t, "the key of what is deleted", err, coordinator.Conflict)
			_, err = d.jobs.Keyed(ctx, "one")
			family(t, "the spec of what is deleted", err, coordinator.Conflict)
		}
		bustest.Eventually(t, "the mark has gone", func() bool { got, err := b.jobs.Keyed(ctx, "one"); return got == nil && err == nil })
	}
}

// TestMarksOfOrders: the marks of a removed order and status, which may outlast that of the spec,
// are not in the way of another job of the id.
func TestMarksOfOrders(t *testing.T) {
	t.Parallel()
	d, ctx := open(t, bustest.Conn(t, bustest.InProcess)), bustest.Context(t)
	orders, status := store.NewTable[coordinator.Order](d.Control, "order"), store.NewTable[coordinator.Status](d.Control, "status")
	rev, err := orders.Create(ctx, "_.one", &coordinator.Order{})
	if err == nil {
		err = orders.Remove(ctx, "_.one", rev)
	}
	if err == nil {
		rev, err = status.Create(ctx, "_.one", &coordinator.Status{})
	}
	if err == nil {
		err = status.Remove(ctx, "_.one", rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.jobs.Submit(ctx, spec("one", 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobRunning}); err != nil {
			t.Error(err)
		}
		if j, err := d.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantCancel}, 0); err != nil || j.Want != coordinator.WantCancel {
			t.Errorf("got %+v, %v", j, err)
		}
	}
}

// TestKeyOfTakenBack: who asks again under the key of a job that was taken back is told why, at any
// coordinator and wherever its removal breaks off; behind that the key makes a job, once.
func TestKeyOfTakenBack(t *testing.T) {
	t.Parallel()
	server, ctx := bustest.Server(t), bustest.Context(t)
	a, b := open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server))
	one := spec("one", 0)
	one.Body = "digest"
	told := func(when string) {
		t.Helper()
		for _, d := range []desk{a, b} {
			_, _, err := d.jobs.Submit(ctx, one)
			family(t, when, err, coordinator.OverLimit)
		}
	}
	for range 2 {
		if _, again, err := a.jobs.Submit(ctx, one); again || err != nil {
			t.Fatal(again, err)
		}
		if _, err := a.jobs.TakeBack(ctx, "one", coordinator.Faultf(coordinator.OverLimit, "too many")); err != nil {
			t.Fatal(err)
		}
		told("while it is to be removed")
		if err := a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobCancelled}); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"job", "status"} {
			a.jobs.Removed = func(table string) error {
				if table == at {
					return errors.New("the leader dies")
				}
				return nil
			}
			if err := a.jobs.Forget(ctx, "one"); err == nil {
				t.Fatal("it did not break off behind", at)
			}
			told("in the middle of its removal")
		}
		a.jobs.Removed = nil
		if err := a.jobs.Forget(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		if got, err := b.jobs.Keyed(ctx, "one"); got != nil || err != nil {
			t.Errorf("behind its removal: got %v, %v", got, err)
		}
	}
	if j, again, err := b.jobs.Submit(ctx, one); again || err != nil || j.Want != coordinator.WantRun {
		t.Fatalf("got %+v, %v, %v", j, again, err)
	}
	if j, again, err := a.jobs.Submit(ctx, one); !again || err != nil || j.Want != coordinator.WantRun {
		t.Fatalf("got %+v, %v, %v", j, again, err)
	}
	// One that is deleted as usual is no longer free.
	if err := a.jobs.WriteStatus(ctx, "one", coordinator.Status{State: recipe.JobFailed}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantGone}, 0); err != nil {
		t.Fatal(err)
	}
	if err := a.jobs.Forget(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.jobs.Submit(ctx, one)
	family(t, "the key of what was deleted", err, coordinator.Conflict)
}
