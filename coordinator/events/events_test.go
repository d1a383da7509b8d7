package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/events"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

func open(t *testing.T, conn *bus.Conn, c events.Config) *events.Log {
	t.Helper()
	c.Conn = conn
	l, err := events.Open(bustest.Context(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func event(job string, typ coordinator.EventType, text string) coordinator.Event {
	return coordinator.Event{Job: recipe.JobID(job), Type: typ, Level: coordinator.LevelInfo, Text: text}
}

// texts reads n events and returns their texts.
func texts(t *testing.T, s *events.Subscription, n int) (all []string) {
	t.Helper()
	var last uint64
	for len(all) < n {
		entries, err := s.Next(bustest.Context(t))
		if err != nil {
			t.Fatalf("got %q, then %v; want %d", all, err, n)
		}
		for _, e := range entries {
			if e.ID <= last {
				t.Errorf("id %d behind %d", e.ID, last)
			}
			last = e.ID
			all = append(all, e.Text)
		}
	}
	return all
}

// stored reads all that is stored.
func stored(t *testing.T, l *events.Log, f coordinator.EventFilter) (all []string) {
	t.Helper()
	s, err := l.Stored(bustest.Context(t), f, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for {
		entries, err := s.Next(bustest.Context(t))
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Text)
		}
	}
}

func since(t *testing.T, l *events.Log, f coordinator.EventFilter, id uint64) *events.Subscription {
	t.Helper()
	s, err := l.Since(bustest.Context(t), f, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestN7LateViewer comes behind the events, by another coordinator that was started later, and
// still sees the last ones, and then those that come.
func TestN7LateViewer(t *testing.T) {
	server := bustest.Server(t)
	early := open(t, bustest.Connect(t, server), events.Config{PerSubject: 20})
	watch := since(t, early, coordinator.EventFilter{}, 0)
	for i := range 50 {
		early.Emit(event("a", coordinator.EventState, fmt.Sprint("state ", i)))
		early.Emit(coordinator.Event{Job: "a", Type: coordinator.EventProgress, Level: coordinator.LevelInfo, Text: fmt.Sprint("progress ", i),
			Data: recipe.Progress{Job: "a", Fraction: float64(i) / 50, Elapsed: 1<<53 + 1}})
		texts(t, watch, 2)
	}
	late := open(t, bustest.Connect(t, server), events.Config{PerSubject: 20})
	job := coordinator.EventFilter{Job: "a"}
	var want []string
	for i := 30; i < 50; i++ {
		want = append(want, fmt.Sprint("state ", i))
		if i >= 46 {
			want = append(want, fmt.Sprint("progress ", i))
		}
	}
	all := since(t, late, job, 0)
	same(t, "all", texts(t, all, len(want)), want)
	few, err := late.Last(bustest.Context(t), job, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer few.Close()
	same(t, "the last few", texts(t, few, 3), want[len(want)-3:])
	early.Emit(event("b", coordinator.EventState, "not seen"))
	early.Emit(event("a", coordinator.EventPrint, "live"))
	same(t, "live", texts(t, all, 1), []string{"live"})
	same(t, "live behind the last few", texts(t, few, 1), []string{"live"})
	p, told, err := late.Progress(bustest.Context(t), "a")
	if err != nil || p.Fraction != 0.98 || p.Elapsed != 1<<53+1 || told.At.IsZero() || told.ID == 0 {
		t.Errorf("got %+v by %+v, %v", p, told, err)
	}
	early.Emit(coordinator.Event{Job: "b", Type: coordinator.EventProgress, Data: strings.Repeat("x", 5<<20)}) // its data is left out
	texts(t, watch, 3)
	if _, _, err := late.Progress(bustest.Context(t), "b"); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("got %v, want unknown", err)
	}
}

// TestResume comes back with the last id that it has seen: nothing is missed or doubled, be the
// rest in memory or in the stream alone.
func TestResume(t *testing.T) {
	server := bustest.Server(t)
	l := open(t, bustest.Connect(t, server), events.Config{PerSubject: 5000, Queue: 5000})
	watch := since(t, l, coordinator.EventFilter{}, 0)
	const n = 3000
	for i := range n {
		l.Emit(event("a", coordinator.EventPrint, fmt.Sprint(i)))
		if i%100 == 99 {
			texts(t, watch, 100)
		}
	}
	other := open(t, bustest.Connect(t, server), events.Config{})
	for _, at := range []uint64{0, 1, 1000, n - 500, n - 10, n - 1} {
		for name, log := range map[string]*events.Log{"memory": l, "stream": other} {
			got := texts(t, since(t, log, coordinator.EventFilter{}, at), n-int(at))
			if len(got) != n-int(at) || got[0] != fmt.Sprint(at) || got[len(got)-1] != fmt.Sprint(n-1) {
				t.Errorf("%s since %d: got %d from %s to %s", name, at, len(got), got[0], got[len(got)-1])
			}
		}
	}
	got := texts(t, since(t, other, coordinator.EventFilter{}, n+1000), n)
	if got[0] != "0" {
		t.Errorf("since an id that is not given out: got %s first", got[0])
	}
}

// TestFilter asks by job, type and level.
func TestFilter(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{})
	all := since(t, l, coordinator.EventFilter{}, 0)
	for _, job := range []string{"a", "b", ""} {
		for _, typ := range coordinator.EventTypes {
			for _, level := range []coordinator.Level{coordinator.LevelInfo, coordinator.LevelError} {
				e := event(job, typ, fmt.Sprintf("%s %s %s", job, typ, level))
				e.Level = level
				l.Emit(e)
			}
		}
	}
	texts(t, all, 30)
	type is = []string
	for _, c := range []struct {
		f    coordinator.EventFilter
		want []string
	}{
		{coordinator.EventFilter{Job: "a", Types: []coordinator.EventType{coordinator.EventState}}, is{"a state info", "a state error"}},
		{coordinator.EventFilter{Types: []coordinator.EventType{coordinator.EventPrint, coordinator.EventError}, Levels: []coordinator.Level{coordinator.LevelError}},
			is{"a print error", "a error error", "b print error", "b error error", " print error", " error error"}},
		{coordinator.EventFilter{Job: "c"}, nil},
	} {
		same(t, fmt.Sprintf("stored %+v", c.f), stored(t, l, c.f), c.want)
		same(t, fmt.Sprintf("followed %+v", c.f), texts(t, since(t, l, c.f, 0), len(c.want)), c.want)
	}
	for _, bad := range []coordinator.EventFilter{{Job: "a.>"}, {Job: "*"}, {Job: recipe.JobID(strings.Repeat("x", 65))},
		{Types: []coordinator.EventType{"*"}}, {Levels: []coordinator.Level{"loud"}}} {
		if _, err := l.Since(bustest.Context(t), bad, 0); coordinator.FamilyOf(err) != coordinator.Invalid {
			t.Errorf("%+v: got %v, want invalid", bad, err)
		}
	}
}

// TestUnknownIsShownAsAnError keeps what is said and brings it into its bounds.
func TestUnknownIsShownAsAnError(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{})
	s := since(t, l, coordinator.EventFilter{}, 0)
	l.Emit(coordinator.Event{Job: "a", Type: "x.y >", Level: "loud", Text: "ä" + strings.Repeat("ä", 16<<10), Data: strings.Repeat("x", 5<<20)})
	l.Emit(coordinator.Event{Job: "a", Type: coordinator.EventPrint, Level: coordinator.LevelInfo, Data: strings.Repeat("y", 200<<10)})
	var got []*events.Entry
	for len(got) < 2 {
		entries, err := s.Next(bustest.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entries...)
	}
	if e := got[0]; e.Type != coordinator.EventError || e.Level != coordinator.LevelError || len(e.Text) > 17<<10 || e.Data != nil || strings.Contains(e.Text, "\ufffd") {
		t.Errorf("got %s %s, %d bytes, ends %q", e.Type, e.Level, len(e.Text), e.Text[len(e.Text)-80:])
	}
	var e coordinator.Event
	if err := json.Unmarshal(got[1].JSON(), &e); err != nil || e.ID != got[1].ID || len(e.Data.(string)) != 200<<10 {
		t.Errorf("got %d, %v", e.ID, err)
	}
}

// TestRemove deletes a job's events, and those that come late; others stay.
func TestRemove(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	l, ctx := open(t, conn, events.Config{}), bustest.Context(t)
	s := since(t, l, coordinator.EventFilter{}, 0)
	for range 10 {
		l.Emit(event("a", coordinator.EventState, "a"))
	}
	texts(t, s, 10)
	for range 10 {
		l.Emit(event("a", coordinator.EventState, "a")) // some are on their way
	}
	l.Emit(event("b", coordinator.EventState, "b"))
	if err := l.Remove(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	l.Emit(event("a", coordinator.EventState, "late"))
	l.Emit(event("b", coordinator.EventState, "b"))
	for n := 0; n < 2; {
		for _, text := range texts(t, s, 1) {
			if text == "b" {
				n++
			}
		}
	}
	same(t, "stored", stored(t, l, coordinator.EventFilter{}), []string{"b", "b"})
	if err := l.Remove(ctx, "*"); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("removed what is no job: %v", err)
	}
}

// TestSlowViewer reads nothing: it is dropped, others are not, and it goes on where it was.
func TestSlowViewer(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{Buffer: 20})
	fast, slow := since(t, l, coordinator.EventFilter{}, 0), since(t, l, coordinator.EventFilter{}, 0)
	const n = 100
	for i := range n {
		l.Emit(event("a", coordinator.EventPrint, fmt.Sprint(i)))
		same(t, "fast", texts(t, fast, 1), []string{fmt.Sprint(i)})
	}
	seen := len(texts(t, slow, 20))
	if _, err := slow.Next(bustest.Context(t)); !errors.Is(err, events.ErrSlow) {
		t.Fatalf("got %v, want ErrSlow", err)
	}
	again := texts(t, since(t, l, coordinator.EventFilter{}, slow.LastID()), n-seen)
	if again[0] != "20" || again[len(again)-1] != "99" {
		t.Errorf("went on with %s to %s", again[0], again[len(again)-1])
	}
}

// TestEndOfSubscriptions closes the log, or the subscription, or its context.
func TestEndOfSubscriptions(t *testing.T) {
	l := open(t, bustest.Conn(t, bustest.InProcess), events.Config{})
	ctx, cancel := context.WithCancel(bustest.Context(t))
	byContext, err := l.Since(ctx, coordinator.EventFilter{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	byLog, byClose := since(t, l, coordinator.EventFilter{}, 0), since(t, l, coordinator.EventFilter{}, 0)
	cancel()
	byClose.Close()
	l.Close()
	for name, s := range map[string]*events.Subscription{"context": byContext, "close": byClose, "log": byLog} {
		if _, err := s.Next(bustest.Context(t)); !errors.Is(err, events.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", name, err)
		}
	}
	quick, stop := context.WithTimeout(bustest.Context(t), time.Millisecond)
	defer stop()
	if _, err := byLog.Next(quick); err == nil {
		t.Error("got events of a closed log")
	}
}
