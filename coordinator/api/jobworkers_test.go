package api_test

import (
	"errors"
	"slices"
	"testing"

	"sluice/client"
	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// workerEvents returns what a job's events say of workers, until f says that it is enough.
func workerEvents(d *desk, id recipe.JobID, follow bool, enough func([]string) bool) (told []string) {
	d.t.Helper()
	stop := errors.New("enough")
	last := uint64(0)
	err := d.client(coordinator.Viewer).Events(bustest.Context(d.t), id, 0, follow, func(e client.Event) error {
		if e.ID <= last {
			d.t.Errorf("id %d behind %d", e.ID, last)
		}
		last = e.ID
		if e.Type == coordinator.EventWorker {
			told = append(told, e.Text)
		}
		if enough(told) {
			return stop
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		d.t.Error(err)
	}
	return told
}

// TestWorkersOfJob: a job's events tell of the workers that join and leave meanwhile and serve a step of
// it, and of no others, while they come and when they are read later.
func TestWorkersOfJob(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unlimited)
	c, ctx := d.client(coordinator.Author), bustest.Context(t)
	known := func(n int) {
		t.Helper()
		bustest.Eventually(t, "the workers to be known", func() bool { all, err := c.Workers(ctx); return err == nil && len(all) == n })
	}
	fits := []bus.KindVersion{{Kind: "to_uppercase", Version: 1}}
	d.says(bus.WorkerRecord{Name: "before", Kinds: fits})
	known(1)
	job, err := c.Submit(ctx, submission(), "")
	if err != nil {
		t.Fatal(err)
	}
	d.says(bus.WorkerRecord{Name: "other", Kinds: []bus.KindVersion{{Kind: "md5_hash", Version: 1}}})
	d.says(bus.WorkerRecord{Name: "fits", Kinds: fits})
	known(3)
	live := make(chan []string, 1)
	go func() {
		live <- workerEvents(d, job.ID, true, func(told []string) bool { return slices.Contains(told, "worker last has joined") })
	}()
	d.says(bus.WorkerRecord{Name: "other", Left: true})
	d.says(bus.WorkerRecord{Name: "fits", Left: true})
	known(1)
	d.says(bus.WorkerRecord{Name: "last", Kinds: fits})
	want := []string{"worker fits has joined", "worker fits has left", "worker last has joined"}
	if got := bustest.Wait(t, "the events that come", live); !slices.Equal(got, want) {
		t.Errorf("followed: got %q, want %q", got, want)
	}
	if _, err := c.Order(ctx, job.ID, client.Cancel); err != nil {
		t.Fatal(err)
	}
	if state := d.over(c, job.ID); state != recipe.JobCancelled {
		t.Fatalf("got %s", state)
	}
	d.says(bus.WorkerRecord{Name: "late", Kinds: fits})
	known(3)
	if got := workerEvents(d, job.ID, false, func([]string) bool { return false }); !slices.Equal(got, want) {
		t.Errorf("later: got %q, want %q", got, want)
	}
}
