package events_test

import (
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/internal/bus/bustest"
)

// TestN7EndIsToldOnce tells the end of a job by two coordinators, one of them twice and long
// behind: late viewers see it once, with the other states of the job.
func TestN7EndIsToldOnce(t *testing.T) {
	server := bustest.Server(t)
	one := open(t, bustest.Connect(t, server), events.Config{})
	two := open(t, bustest.Connect(t, server), events.Config{})
	end := func(job, by string) coordinator.Event {
		e := event(job, coordinator.EventState, "succeeded, as "+by+" says")
		e.Once = true
		return e
	}
	of := func(job string) coordinator.EventFilter {
		return coordinator.EventFilter{Job: event(job, "", "").Job, Types: []coordinator.EventType{coordinator.EventState}}
	}
	watch := since(t, one, coordinator.EventFilter{}, 0)
	one.Emit(event("a", coordinator.EventState, "running"))
	one.Emit(end("a", "one"))
	texts(t, watch, 2)
	for range 3 {
		two.Emit(end("a", "two"))
		one.Emit(end("a", "one"))
	}
	two.Emit(end("b", "two"))
	one.Emit(event("a", coordinator.EventPrint, "behind all of one's"))
	texts(t, watch, 2) // the end of b, and what was printed: all before is stored
	want := []string{"running", "succeeded, as one says"}
	same(t, "the states of a", stored(t, one, of("a")), want)
	same(t, "the states of a, by the other", stored(t, two, of("a")), want)
	same(t, "the states of b", stored(t, one, of("b")), []string{"succeeded, as two says"})
}
