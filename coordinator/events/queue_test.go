package events

import (
	"fmt"
	"slices"
	"testing"

	"sluice/coordinator"
	"sluice/recipe"
)

// TestStatesGoOneByOne takes events to be stored at the same time: never two states of one job,
// of which the second might be stored when the first is refused.
func TestStatesGoOneByOne(t *testing.T) {
	var q queue
	q.init(100)
	for i, job := range []recipe.JobID{"a", "b", "a", "a"} {
		q.put(coordinator.Event{Job: job, Type: coordinator.EventState, Text: fmt.Sprint(job, i)})
		q.put(coordinator.Event{Job: job, Type: coordinator.EventPrint, Text: fmt.Sprint("print ", i)})
	}
	q.close()
	for i, want := range [][]string{{"a0", "print 0", "b1", "print 1"}, {"a2", "print 2"}, {"a3", "print 3"}} {
		taken, more := q.take(64)
		var got []string
		for _, e := range taken {
			got = append(got, e.Text)
		}
		if !slices.Equal(got, want) || more != (i < 2) {
			t.Errorf("%d: got %q, more %v; want %q", i, got, more, want)
		}
		q.stored()
	}
	if taken, more := q.take(64); len(taken) != 0 || more {
		t.Errorf("got %v, more %v behind the end", taken, more)
	}
}

// TestQueueForgets bounds the jobs that are remembered as gone.
func TestQueueForgets(t *testing.T) {
	var q queue
	q.init(10)
	for i := range 3 * maxForgotten {
		if err := q.forget(t.Context(), recipe.JobID(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if len(q.gone) != maxForgotten || len(q.goneAt) != maxForgotten {
		t.Errorf("got %d and %d, want %d", len(q.gone), len(q.goneAt), maxForgotten)
	}
}

// TestForgottenComesBack: a job's late events are dropped, and not those of another one that gets
// its id long behind that, by the same idempotency key.
func TestForgottenComesBack(t *testing.T) {
	var q queue
	q.init(10)
	if err := q.forget(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	q.put(coordinator.Event{Job: "a", Text: "late"})
	q.goneAt["a"] = q.goneAt["a"].Add(-forgottenFor)
	q.put(coordinator.Event{Job: "a", Text: "of the next"})
	if taken, _ := q.take(10); len(taken) != 1 || taken[0].Text != "of the next" {
		t.Errorf("got %v", taken)
	}
}
