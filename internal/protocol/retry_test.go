package protocol

import (
	"testing"
	"time"
)

func TestUnansweredOperationsBackOff(t *testing.T) {
	m := NewRelay(RelayConfig{Window: 4})
	for id := ID(1); id <= 2; id++ {
		m.Deliver(id, frameAt(uint64(id), 1), 0, 0)
		m.Computed(id, &Entry{}, 0)
	}
	m.Take()
	now := time.Duration(0)
	for wait := ms; wait <= retryMax; wait *= 2 {
		play(t, m.Take, []line{
			{"no answer", func() { m.Committed(1, Failed, now) }, "wake " + wait.String()},
			{"no answer to the other", func() { m.Committed(2, Failed, now) }, ""},
			{"too early", func() { m.Tick(now + wait - 1) }, ""},
			{"both", func() { m.Tick(now + wait) }, "commit 1; commit 2"},
		})
		now += wait
	}
	play(t, m.Take, []line{
		{"it does not wait for longer", func() { m.Committed(1, Failed, now) }, "wake 4s"},
		{"the broker answers", func() { m.Committed(2, OK, now) }, "ack 2"},
		{"again", func() { m.Tick(now + retryMax) }, "commit 1"},
		{"the wait is short again", func() { m.Committed(1, Failed, now+retryMax) }, "wake 1ms"},
	})
}

func TestUnansweredSavesBackOff(t *testing.T) {
	ck := &Checkpoint{Rev: 1, Cursors: Cursors{{N: 1}}}
	o := NewOwner(OwnerConfig{Lanes: []int{0}, Window: 8, Every: 1}, Checkpoint{}, nil)
	o.Deliver(1, frameAt(0, 1), 0)
	o.Computed(1, &Entry{}, 0)
	o.Committed(1, OK, 0)
	o.Take()
	play(t, o.Take, []line{
		{"no answer", func() { o.Saved(ck, Failed, 0) }, "wake 1ms"},
		{"again", func() { o.Tick(ms) }, "save 1"},
		{"no answer", func() { o.Saved(ck, Failed, ms) }, "wake 2ms"},
		{"again", func() { o.Tick(3 * ms) }, "save 1"},
		{"saved", func() { o.Saved(ck, OK, 3*ms) }, "ack 1"},
	})
	s := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 2}, 0, SplitState{}, 0)
	s.Start(0)
	s.WasCut(1, piece(0, 3, false), 0)
	s.Take()
	play(t, s.Take, []line{
		{"no answer", func() { s.Committed(1, Failed, 0) }, "wake 1ms"},
		{"again", func() { s.Tick(ms) }, "commit 1"},
		{"no answer", func() { s.Committed(1, Failed, ms) }, "wake 2ms"},
		{"another attempt ended the split there", func() { s.discard(0) }, "ack 1"},
		{"what was given up is not tried again", func() { s.Tick(3 * ms) }, ""},
	})
}

func TestRefusedByItsOwnWrite(t *testing.T) {
	for _, own := range []bool{true, false} {
		ck := &Checkpoint{Rev: 1, Cursors: Cursors{{N: 1}}}
		o := NewOwner(OwnerConfig{Lanes: []int{0}, Window: 8, Every: 1}, Checkpoint{}, nil)
		o.Deliver(1, frameAt(0, 1), 0)
		o.Computed(1, &Entry{}, 0)
		o.Committed(1, OK, 0)
		s := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 1}, 0, SplitState{}, 0)
		s.Stop(0)
		s.Start(0)
		o.Take()
		s.Take()
		ofOwner, ofSource := "ack 1", "return after 0s"
		if !own {
			ofOwner, ofSource = "restart", "restart"
		}
		play(t, o.Take, []line{
			{"no answer", func() { o.Saved(ck, Failed, 0); o.Tick(ms) }, "wake 1ms; save 1"},
			{"refused: by whom?", func() { o.Saved(ck, Refused, ms) }, "recall"},
			{"read back", func() { o.Recalled(ck, own, ms) }, ofOwner},
		})
		play(t, s.Take, []line{
			{"no answer", func() { s.Saved(SplitState{}, Failed, 0); s.Tick(ms) }, "wake 1ms; save 0 at 0"},
			{"refused: by whom?", func() { s.Saved(SplitState{}, Refused, ms) }, "recall"},
			{"read back", func() { s.Recalled(SplitState{}, own, ms) }, ofSource},
		})
	}
}
