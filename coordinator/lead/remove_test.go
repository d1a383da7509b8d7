package lead_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestDiesWhileItRemoves lets a leader die at each step of the removal of a job whose time in the
// history is over. The next one ends the removal, though it would keep jobs for longer, and the
// job is not run once more: its sinks would write again.
func TestDiesWhileItRemoves(t *testing.T) {
	for _, step := range []string{"before the records", "job", "order", "status"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.worker()
			died := make(chan struct{}, 1)
			die := func(at string) error {
				if at != step {
					return nil
				}
				select {
				case died <- struct{}{}:
				default:
				}
				return errors.New("it dies")
			}
			c.history, c.removed, c.forget = time.Millisecond, die, func() error { return die("before the records") }
			a := c.seat(nil)
			c.write("in", 10)
			c.submit(a, "one", fmt.Sprintf(upper, "0s", "out"))
			bustest.Wait(t, "the leader dies", died)
			a.leave()
			if err := os.Remove(filepath.Join(c.dir, "out")); err != nil {
				t.Fatal(err)
			}

			c.history, c.removed, c.forget = 0, nil, nil
			b := c.seat(nil)
			bustest.Eventually(t, "the next one leads, and nothing is left of the job", func() bool {
				_, err := b.jobs.Job("one")
				return b.leader.Leads() && err != nil && len(b.jobs.Remains()) == 0
			})
			c.submit(b, "two", fmt.Sprintf(upper, "0s", "two")) // behind which all that was due of the first was done
			c.until(b, "two", "has succeeded", in(recipe.JobSucceeded))
			if _, err := os.Stat(filepath.Join(c.dir, "out")); err == nil {
				t.Error("the job has run once more")
			}
			for len(b.events) > 0 {
				if e := <-b.events; e.Job == "one" && e.Type == coordinator.EventState && e.Text != string(recipe.JobSucceeded) {
					t.Errorf("the next leader tells of the job: %s", e.Text)
				}
			}
			control, err := store.Open(bustest.Context(t), store.Config{Conn: bustest.Connect(t, c.server)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(control.Close)
			for _, table := range []string{"job", "order", "status"} {
				if _, _, err := store.NewTable[struct{}](control, table).Read(bustest.Context(t), "one"); coordinator.FamilyOf(err) != coordinator.Unknown {
					t.Errorf("the record %s is left: %v", table, err)
				}
			}
		})
	}
}
