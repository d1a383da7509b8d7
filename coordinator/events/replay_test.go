package events

import (
	"fmt"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestLastMissesNothing asks for the last three while all who read the stream are at it: what
// comes until it is its turn follows those, however much it is.
func TestLastMissesNothing(t *testing.T) {
	l, err := Open(bustest.Context(t), Config{Conn: bustest.Conn(t, bustest.InProcess), PerSubject: 5000})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := 0
	emit := func(to int) {
		for ; n < to; n++ {
			l.Emit(coordinator.Event{Job: "a", Type: coordinator.EventPrint, Level: coordinator.LevelInfo, Text: fmt.Sprint(n)})
			if n%500 == 499 || n == to-1 {
				bustest.Eventually(t, "it is seen", func() bool { return l.hub.seen() == uint64(n+1) })
			}
		}
	}
	emit(10)
	for range maxReplays {
		l.replays <- struct{}{}
	}
	s, err := l.Last(bustest.Context(t), coordinator.EventFilter{}, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	emit(3000)
	for range maxReplays {
		<-l.replays
	}
	for want := 7; want < 3000; {
		entries, err := s.Next(bustest.Context(t))
		if err != nil {
			t.Fatalf("behind %d: %v", want, err)
		}
		for _, e := range entries {
			if e.Text != fmt.Sprint(want) {
				t.Fatalf("got %s, want %d", e.Text, want)
			}
			want++
		}
	}
}
