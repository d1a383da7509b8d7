package fleet_test

import (
	"strings"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestLostBeforeStart starts a coordinator behind the last word of a worker that was killed: it is no
// worker that joins, and it is lost as soon as its time is over.
func TestLostBeforeStart(t *testing.T) {
	y := newYard(t)
	y.Close()
	y.say(bus.WorkerRecord{Name: "dead", Started: time.Now(), Start: "one"})
	m, err := y.conn.Last(bustest.Context(t), bus.WorkersStream, bus.WorkerSubject("dead"))
	if err != nil {
		t.Fatal(err)
	}
	y.eventually("its time is over", func() bool { return y.conn.Age(m.Time) > bus.BeatsToLive*beat })
	y.say(bus.WorkerRecord{Name: "here", Started: time.Now(), Start: "two"})
	late := y.open(y.conn)
	w, err := late.Worker("dead")
	if err != nil || !w.Lost {
		t.Errorf("got %+v, %v, want it to be lost", w, err)
	}
	if all := late.Workers(); len(all) != 2 || !all[0].Lost || all[1].Lost && y.conn.Age(all[1].Seen) < bus.BeatsToLive*beat {
		t.Errorf("got %+v, want the first to be lost", all)
	}
	for told := false; !told; {
		e := bustest.Wait(t, "the event that it is gone", y.events)
		told = strings.Contains(e.Text, "dead was not heard")
		if strings.Contains(e.Text, "has joined") { // "here" has not, either: it was there before
			t.Errorf("got %+v", e)
		}
	}
	if _, err := late.Worker("dead"); err == nil {
		t.Error("it is still known")
	}
}
