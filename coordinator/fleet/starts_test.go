package fleet_test

import (
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/worker"
)

// say stores what a worker says of itself, and returns its sequence.
func (y *yard) say(rec bus.WorkerRecord) uint64 {
	y.t.Helper()
	pub, err := y.conn.NewPublisher()
	if err != nil {
		y.t.Fatal(err)
	}
	defer pub.Close()
	rec.Beat, rec.Formats = beat, bus.ReadFormats()
	data, err := bus.EncodeRecord(rec)
	if err != nil {
		y.t.Fatal(err)
	}
	out := pub.PutSync(bustest.Context(y.t), bus.Put{Subject: bus.WorkerSubject(rec.Name), Data: data, Stream: bus.WorkersStream, TTL: time.Hour})
	if out.Err != nil {
		y.t.Fatal(out.Err)
	}
	return out.Seq
}

func (y *yard) version(want string) func() bool {
	return func() bool { w, err := y.Worker("a"); return err == nil && w.Version == want }
}

// TestClockPutBack starts a worker anew where the clock is behind that of the start before: it is
// known by its first word, and late words of the start before are not its own.
func TestClockPutBack(t *testing.T) {
	y := newYard(t)
	now := time.Now()
	first := bus.WorkerRecord{Name: "a", Version: "old", Started: now.Add(10 * time.Minute), Start: "one"}
	first.Since = y.say(first)
	y.event("a has joined")
	second := bus.WorkerRecord{Name: "a", Version: "new", Started: now, Start: "two"}
	second.Since = y.say(second)
	y.event("a was started again")
	if !y.version("new")() {
		t.Fatalf("got %+v", y.Workers())
	}
	y.say(first)
	first.Left = true
	y.say(first)
	second.Jobs = 7
	y.say(second)
	y.eventually("its next word came", func() bool { w, err := y.Worker("a"); return err == nil && w.Jobs == 7 })
	for len(y.events) > 0 {
		t.Errorf("got %+v", <-y.events)
	}
	late := y.open(bustest.Dial(t, y.url))
	if w, err := late.Worker("a"); err != nil || w.Version != "new" {
		t.Errorf("who comes late has %+v, %v", w, err)
	}
}

// TestClockPutBackUnderOldBuild has a dead worker whose build does not tell its starts apart, and
// which was started by a clock that is ahead: another one of that name is known.
func TestClockPutBackUnderOldBuild(t *testing.T) {
	y := newYard(t)
	y.say(bus.WorkerRecord{Name: "a", Version: "old", Started: time.Now().Add(10 * time.Minute)})
	y.event("a has joined")
	y.hire("a", func(c *worker.Config) { c.Announce.Version = "new" })
	y.event("a was started again")
	y.eventually("the new one is known", y.version("new"))
}

// TestNewerDies has two workers of a name of which the one that was started last dies: the other one
// is known again, whatever the clocks say.
func TestNewerDies(t *testing.T) {
	for _, start := range []string{"one", ""} {
		y := newYard(t)
		first := bus.WorkerRecord{Name: "a", Version: "first", Started: time.Now(), Start: start}
		first.Since = y.say(first)
		y.event("a has joined")
		second := bus.WorkerRecord{Name: "a", Version: "second", Started: time.Now().Add(time.Minute), Start: start + start}
		second.Since = y.say(second)
		y.event("a was started again")
		y.eventually("the first one, which goes on, is known", func() bool { y.say(first); return y.version("first")() })
	}
}
