package protocol

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestRelayCommitsPublishesAcks(t *testing.T) {
	m := NewRelay(RelayConfig{Ports: []int{0, 0}, Window: 4})
	play(t, m.Take, []line{
		{"a frame", func() { m.Deliver(1, frameAt(0, 3), 0, 0) }, "compute 1 run"},
		{"made", func() { m.Computed(1, carrying(3), 0) }, "commit 1"},
		{"no answer", func() { m.Committed(1, Failed, 0) }, "wake 1ms"},
		{"a moment later", func() { m.Tick(1 * ms) }, "commit 1"},
		{"committed", func() { m.Committed(1, OK, 0) }, "publish 1 0.0; publish 1 1.0"},
		{"one edge", func() { m.Published(1, 0, 0, OK, 0) }, ""},
		{"the other", func() { m.Published(1, 1, 0, OK, 0) }, "ack 1"},
	})
	if m.InHand() != 0 {
		t.Errorf("in hand: got %d, want 0", m.InHand())
	}
}

func TestRelayFollowsTheWinner(t *testing.T) {
	m := NewRelay(RelayConfig{Ports: []int{0}, Window: 4})
	other := &Entry{Verdict: Skipped, Counts: [][]uint32{{0}}}
	play(t, m.Take, []line{
		{"two frames", func() { m.Deliver(1, frameAt(0, 3), 0, 0); m.Deliver(2, frameAt(1, 3), 0, 0) }, "compute 1 run; compute 2 run"},
		{"made", func() { m.Computed(1, carrying(3), 0); m.Computed(2, carrying(3), 0) }, "commit 1; commit 2"},
		{"refused", func() { m.Committed(1, Refused, 0); m.Committed(2, Refused, 0) }, "lookup 1; lookup 2"},
		{"another verdict", func() { m.Looked(1, other, 0) }, "compute 1 skipped as written"},
		{"made again", func() { m.Computed(1, carrying(0), 0) }, "publish 1 0.0"},
		{"folded", func() { m.Looked(2, nil, 0) }, "ack 2"},
	})
}

func TestRelayRetriesTheOldestRefusedAlone(t *testing.T) {
	m := NewRelay(RelayConfig{Ports: []int{0}, Window: 4})
	for id := ID(1); id <= 3; id++ {
		m.Deliver(id, frameAt(uint64(id), 1), 0, 0)
		m.Computed(id, carrying(1), 0)
		m.Committed(id, OK, 0)
	}
	m.Take()
	play(t, m.Take, []line{
		{"the third came through", func() { m.Published(3, 0, 0, OK, 0) }, "ack 3"},
		{"full", func() { m.Published(2, 0, 0, Refused, 0); m.Published(1, 0, 0, Refused, 0) }, "wake 1ms"},
		{"room while blocked", func() {
			if m.Room() != 0 {
				t.Errorf("room: got %d, want 0", m.Room())
			}
		}, ""},
		{"the backoff is over", func() { m.Tick(1 * ms) }, "publish 1 0.0"},
		{"still full", func() { m.Published(1, 0, 0, Refused, 1*ms) }, "wake 2ms"},
		{"again", func() { m.Tick(3 * ms) }, "publish 1 0.0"},
		{"through", func() { m.Published(1, 0, 0, OK, 3*ms) }, "publish 2 0.0; ack 1"},
		{"through", func() { m.Published(2, 0, 0, OK, 3*ms) }, "ack 2"},
	})
	if m.Room() != 4 {
		t.Errorf("room: got %d, want 4", m.Room())
	}
}

func TestGateGivesTheVerdict(t *testing.T) {
	tests := []struct {
		name    string
		frame   Frame
		backlog int64
		want    string
	}{
		{"fresh", Frame{Age: 5 * ms}, 2, "compute 1 run"},
		{"old", Frame{Age: 11 * ms}, 2, "compute 1 expired"},
		{"too many behind it", Frame{}, 3, "compute 1 dropped"},
		{"damaged", Frame{Bad: true}, 0, "compute 1 dead"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := NewRelay(RelayConfig{Ports: []int{0}, Window: 1, Gate: true, TTL: 10 * ms, Shed: 2})
			m.Deliver(1, test.frame, test.backlog, 0)
			if got := words(m.Take()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestArrivalSinkReadsTheMarkBehindItsClaim(t *testing.T) {
	m := NewRelay(RelayConfig{Window: 4, Arrival: true})
	play(t, m.Take, []line{
		{"a frame", func() { m.Deliver(1, frameAt(0, 3), 0, 0) }, "compute 1 run"},
		{"made, with a letter", func() { m.Computed(1, &Entry{Dead: 1}, 0) }, "commit 1"},
		{"claimed", func() { m.Committed(1, OK, 0) }, "mark 1"},
		{"its turn", func() { m.Marked(1, false, 0) }, "effect 1 run"},
		{"happened", func() { m.Effected(1, 0) }, "letters 1"},
		{"letters", func() { m.Published(1, DeadLetters, 0, OK, 0) }, "commit 1 done"},
		{"somebody else said so", func() { m.Committed(1, Refused, 0) }, "ack 1"},
		{"a latecomer", func() { m.Deliver(2, frameAt(0, 3), 0, 0) }, "compute 2 run"},
		{"made", func() { m.Computed(2, &Entry{}, 0) }, "commit 2"},
		{"the first entry is purged", func() { m.Committed(2, OK, 0) }, "mark 2"},
		{"below the mark", func() { m.Marked(2, true, 0) }, "ack 2"},
	})
}

func TestDeadLettersAreConfirmed(t *testing.T) {
	m := NewRelay(RelayConfig{Ports: []int{0}, Window: 4})
	e := carrying(2)
	e.Dead = 1
	play(t, m.Take, []line{
		{"a frame", func() { m.Deliver(1, frameAt(0, 3), 0, 0) }, "compute 1 run"},
		{"made", func() { m.Computed(1, e, 0) }, "commit 1"},
		{"committed", func() { m.Committed(1, OK, 0) }, "mark 1"},
		{"not below", func() { m.Marked(1, false, 0) }, "letters 1; publish 1 0.0"},
		{"the letters", func() { m.Published(1, DeadLetters, 0, OK, 0) }, ""},
		{"the frame", func() { m.Published(1, 0, 0, OK, 0) }, "commit 1 done"},
		{"confirmed", func() { m.Committed(1, OK, 0) }, "ack 1"},
	})
}

func TestDamagedCopyDoesNotFollow(t *testing.T) {
	m := NewRelay(RelayConfig{Ports: []int{0}, Window: 4})
	bad := frameAt(0, 3)
	bad.Bad = true
	play(t, m.Take, []line{
		{"a damaged copy", func() { m.Deliver(1, bad, 0, 0) }, "compute 1 dead"},
		{"made", func() { m.Computed(1, carrying(0), 0) }, "commit 1"},
		{"refused", func() { m.Committed(1, Refused, 0) }, "lookup 1"},
		{"somebody saw it whole", func() { m.Looked(1, carrying(3), 0) }, "ack 1"},
	})
}

func TestRelayBeatsInOrder(t *testing.T) {
	m := NewRelay(RelayConfig{Ports: []int{0}, Window: 4, Beat: 10 * ms})
	for id := ID(1); id <= 3; id++ {
		m.Deliver(id, frameAt(uint64(id), 1), 0, 0)
	}
	m.Take()
	play(t, m.Take, []line{
		{"early", func() { m.Tick(5 * ms) }, ""},
		{"due", func() { m.Tick(10 * ms) }, "beat 1; beat 2; beat 3"},
	})
}

// TestManyLettersAreConfirmedOnce publishes the letters of a frame in several messages: the
// second entry comes behind all of them, and names no more than there are.
func TestManyLettersAreConfirmedOnce(t *testing.T) {
	m := NewRelay(RelayConfig{Window: 1})
	e := carrying(0)
	e.Dead, e.Counts = 2*LettersAtOnce+1, nil
	m.Deliver(1, frameAt(0, e.Dead), 0, 0)
	m.Computed(1, e, 0)
	m.Committed(1, OK, 0)
	m.Take()
	play(t, m.Take, []line{
		{"not below the mark", func() { m.Marked(1, false, 0) }, "letters 1; letters 1; letters 1"},
		{"the first", func() { m.Published(1, DeadLetters, 0, OK, 0) }, ""},
		{"no answer", func() { m.Published(1, DeadLetters, 1, Failed, 0) }, "wake 1ms"},
		{"the last", func() { m.Published(1, DeadLetters, 2, OK, 0) }, ""},
		{"the backoff is over", func() { m.Tick(1 * ms) }, "letters 1"},
		{"and that one", func() { m.Published(1, DeadLetters, 1, OK, 1*ms) }, "commit 1 done"},
		{"committed", func() { m.Committed(1, OK, 1*ms) }, "ack 1"},
	})
}
