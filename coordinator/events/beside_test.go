package events_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestBeside reads a job's events with its workers, many pages of them, from the stream and from
// memory, from any place on, and while they come: each is there once, in the order of all.
func TestBeside(t *testing.T) {
	serves := func(_ context.Context, job recipe.JobID) (func(*coordinator.Worker, time.Time) bool, error) {
		return func(w *coordinator.Worker, at time.Time) bool { return job == "a" && w.Pool == "mine" && !at.IsZero() }, nil
	}
	conn := bustest.Conn(t, bustest.InProcess)
	l := open(t, conn, events.Config{PerSubject: 5000, Queue: 5000, Serves: serves})
	var want, prints []string // of job a
	all := make([]coordinator.Event, 3200)
	for i := range all {
		e := event("a", coordinator.EventPrint, fmt.Sprint(i))
		switch i % 7 {
		case 0:
			e.Job, e.Type, e.Data = "", coordinator.EventWorker, coordinator.Worker{Name: "w", Pool: "mine"}
		case 1:
			e.Job, e.Type, e.Data = "", coordinator.EventWorker, coordinator.Worker{Name: "w"}
		case 2:
			e.Job = "b"
		case 3:
			e.Job = ""
		default:
			prints = append(prints, e.Text)
		}
		if i%7 == 0 || i%7 > 3 {
			want = append(want, e.Text)
		}
		all[i] = e
	}
	const first = 3000 - 3000%7 // whole rounds
	n := first / 7 * 4          // of job a among them
	emit := func(events []coordinator.Event) {
		for _, e := range events {
			l.Emit(e)
		}
	}
	emit(all[:first])
	bustest.Eventually(t, "all are stored", func() bool { return len(stored(t, l, coordinator.EventFilter{})) == first })
	if got := stored(t, l, coordinator.EventFilter{Job: "a"}); !slices.Equal(got, want[:n]) {
		t.Errorf("stored: got %d, want %d", len(got), n)
	}
	if got := stored(t, l, coordinator.EventFilter{Job: "a", Types: []coordinator.EventType{coordinator.EventPrint}}); !slices.Equal(got, prints[:first/7*3]) {
		t.Errorf("prints alone: got %d", len(got))
	}
	if got := stored(t, l, coordinator.EventFilter{Job: "b"}); len(got) != first/7 {
		t.Errorf("another job: got %d", len(got))
	}
	s, err := l.Since(bustest.Context(t), coordinator.EventFilter{Job: "a"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	last, err := l.Last(bustest.Context(t), coordinator.EventFilter{Job: "a"}, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	emit(all[first:])
	if got := texts(t, s, len(want)); !slices.Equal(got, want) {
		t.Error("followed from the start: others, or in another order")
	}
	if got := texts(t, last, len(want)-n+5); !slices.Equal(got, want[n-5:]) {
		t.Errorf("the last five, and what comes: got %q", got)
	}
}
