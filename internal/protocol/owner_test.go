package protocol

import (
	"testing"
	"time"

	"sluice/recipe"
)

func endAt(n uint64) Frame {
	f := frameAt(n, 0)
	f.EndSplit, f.EndSource = true, true
	return f
}

func TestOwnerAppliesInOrder(t *testing.T) {
	m := NewOwner(OwnerConfig{Ports: []int{0}, Lanes: []int{0}, Window: 8, Every: 2}, Checkpoint{}, nil)
	play(t, m.Take, []line{
		{"early", func() { m.Deliver(1, frameAt(1, 3), 0) }, ""},
		{"its turn", func() { m.Deliver(2, frameAt(0, 3), 0) }, "compute 2 run"},
		{"applied", func() { m.Computed(2, carrying(3), 0) }, "commit 2; compute 1 run"},
		{"commits are pipelined", func() { m.Computed(1, carrying(3), 0) }, "commit 1; capture 1"},
		{"committed", func() { m.Committed(2, OK, 0) }, "publish 2 0.0"},
		{"committed", func() { m.Committed(1, OK, 0) }, "publish 1 0.0"},
		{"published", func() { m.Published(1, 0, 0, OK, 0) }, ""},
		{"published", func() { m.Published(2, 0, 0, OK, 0) }, "save 1"},
	})
	if got := m.Cursors()[0].N; got != 0 {
		t.Errorf("watermark before the checkpoint: got %d, want 0", got)
	}
	play(t, m.Take, []line{
		{"saved", func() { m.Saved(&Checkpoint{Rev: 1, Cursors: Cursors{{N: 2}}}, OK, 0) }, "ack 2; ack 1"},
		{"a latecomer", func() { m.Deliver(3, frameAt(0, 3), 0) }, "ack 3"},
	})
}

func TestOwnerTellsCopiesFromRedeliveries(t *testing.T) {
	m := NewOwner(OwnerConfig{Lanes: []int{0}, Window: 8, Every: 2}, Checkpoint{}, nil)
	held, copied := frameAt(1, 3), frameAt(1, 3)
	copied.Seq = 77
	play(t, m.Take, []line{
		{"early", func() { m.Deliver(1, held, 0) }, ""},
		{"the same message again: its ack would remove the frame", func() { m.Deliver(2, held, 0) }, ""},
		{"another message", func() { m.Deliver(3, copied, 0) }, "ack 3"},
		{"the one before", func() { m.Deliver(4, frameAt(0, 3), 0) }, "compute 4 run"},
		{"applied", func() { m.Computed(4, &Entry{}, 0) }, "commit 4; compute 1 run"},
		{"applied", func() { m.Computed(1, &Entry{}, 0) }, "commit 1; capture 1"},
		{"committed", func() { m.Committed(4, OK, 0); m.Committed(1, OK, 0) }, "save 1"},
		{"saved", func() { m.Saved(&Checkpoint{Rev: 1, Cursors: Cursors{{N: 2}}}, OK, 0) }, "ack 4; ack 1; ack 2"},
	})
}

func TestOwnerFollowsEarlierReigns(t *testing.T) {
	was := carrying(3)
	was.Ord.N, was.Verdict, was.Lost = 0, Dead, 1
	m := NewOwner(OwnerConfig{Ports: []int{0}, Lanes: []int{0}, Window: 8}, Checkpoint{}, []*Entry{was})
	e := carrying(3)
	play(t, m.Take, []line{
		{"a frame that was committed", func() { m.Deliver(1, frameAt(0, 3), 0) }, "compute 1 dead as written"},
		{"applied", func() { m.Computed(1, e, 0) }, "publish 1 0.0; wake 5ms"},
	})
	if e.Lost != 1 {
		t.Errorf("lost: got %b, want what the entry says", e.Lost)
	}
}

func TestOwnerRestartsOnAnotherVerdict(t *testing.T) {
	m := NewOwner(OwnerConfig{Ports: []int{0}, Lanes: []int{0}, Window: 8}, Checkpoint{}, nil)
	m.Deliver(1, frameAt(0, 3), 0)
	m.Computed(1, carrying(3), 0)
	m.Committed(1, Refused, 0)
	m.Take()
	play(t, m.Take, []line{
		{"another verdict", func() { m.Looked(1, &Entry{Verdict: Dead, Counts: [][]uint32{{0}}}, 0) }, "restart"},
		{"nothing afterwards", func() { m.Tick(ms); m.Deliver(2, frameAt(1, 3), 0) }, ""},
	})
}

func TestSinkSavesSealsCommits(t *testing.T) {
	m := NewOwner(OwnerConfig{Lanes: []int{0}, Sink: true, Window: 8}, Checkpoint{}, nil)
	var ck *Checkpoint
	play(t, m.Take, []line{
		{"the end", func() { m.Deliver(1, endAt(0), 0) }, "compute 1 run at the end"},
		{"applied", func() {
			m.Computed(1, &Entry{}, 0)
			ck = m.pending[0].ck
		}, "capture 1; save 1"},
		{"saved", func() { m.Saved(ck, OK, 0) }, "seal; ack 1"},
		{"sealing failed", func() { m.Sealed(Failed, 0) }, "wake 1ms"},
		{"a moment later", func() { m.Tick(1 * ms) }, "seal"},
		{"sealed", func() { m.Sealed(OK, 1*ms) }, "commit 0"},
		{"no answer", func() { m.Committed(0, Failed, 2*ms) }, "wake 2ms"},
		{"a moment later", func() { m.Tick(4 * ms) }, "commit 0"},
		{"committed", func() { m.Committed(0, OK, 5*ms) }, ""},
	})
	if !m.Settled() {
		t.Error("the reign is not settled")
	}
	next := NewOwner(OwnerConfig{Lanes: []int{0}, Sink: true, Window: 8}, *ck, nil)
	if got := words(next.Take()); got != "seal" {
		t.Errorf("the next reign: got %q, want it to seal again", got)
	}
}

func TestOwnerStops(t *testing.T) {
	m := NewOwner(OwnerConfig{Lanes: []int{0}, Window: 8}, Checkpoint{}, nil)
	m.Deliver(1, frameAt(0, 1), 0)
	m.Deliver(2, frameAt(1, 1), 0)
	m.Take()
	play(t, m.Take, []line{
		{"stop while a frame is applied", func() { m.Stop(0) }, ""},
		{"applied: no other is", func() { m.Computed(1, &Entry{}, 0) }, "commit 1; capture 1"},
		{"committed", func() { m.Committed(1, OK, 0) }, "save 1"},
		{"refused: another owner", func() { m.Saved(&Checkpoint{Rev: 1}, Refused, 0) }, "restart"},
	})
}

func TestOwnerTakesLanesInTurn(t *testing.T) {
	m := NewOwner(OwnerConfig{Lanes: []int{0, 1}, Window: 8}, Checkpoint{}, nil)
	second := frameAt(0, 1)
	second.Ord.Lane = 1
	parts := frameAt(0, 1)
	parts.Parts = recipe.Parts("").Append(0, false)
	last := parts
	last.Parts = recipe.Parts("").Append(1, true)
	last.Ord.Path = last.Parts.Path()
	play(t, m.Take, []line{
		{"lane 1", func() { m.Deliver(1, second, 0) }, ""},
		{"lane 0, second part", func() { m.Deliver(2, last, 0) }, ""},
		{"lane 0, first part", func() { m.Deliver(3, parts, 0) }, "compute 3 run"},
		{"applied", func() { m.Computed(3, &Entry{}, 0) }, "commit 3; compute 2 run"},
		{"applied", func() { m.Computed(2, &Entry{}, 0) }, "commit 2; compute 1 run"},
	})
}

func TestErraticNodeFailsTheJob(t *testing.T) {
	was := carrying(3)
	m := NewOwner(OwnerConfig{Ports: []int{0}, Lanes: []int{0}, Window: 8}, Checkpoint{}, []*Entry{was})
	play(t, m.Take, []line{
		{"a frame that was committed", func() { m.Deliver(1, frameAt(0, 3), 0) }, "compute 1 run as written"},
		{"something else is made of it", func() { m.Computed(1, carrying(2), 0) }, "mark 1"},
		{"it waits for that", func() { m.Deliver(3, frameAt(1, 3), 0) }, ""},
		{"nobody is ahead", func() { m.Marked(1, false, 0) }, "fail 1"},
		{"nothing afterwards", func() { m.Tick(ms); m.Deliver(2, frameAt(1, 3), 0) }, ""},
	})
	r := NewRelay(RelayConfig{Ports: []int{0}, Window: 4})
	letters := carrying(3)
	letters.Dead = 1
	play(t, r.Take, []line{
		{"a frame", func() { r.Deliver(1, frameAt(0, 3), 0, 0) }, "compute 1 run"},
		{"made", func() { r.Computed(1, carrying(2), 0) }, "commit 1"},
		{"refused", func() { r.Committed(1, Refused, 0) }, "lookup 1"},
		{"more was made of it, and a dead letter", func() { r.Looked(1, letters, 0) }, "compute 1 run as written"},
		{"the letter is missing", func() { r.Computed(1, carrying(3), 0) }, "mark 1"},
		{"everybody is done with it", func() { r.Marked(1, true, 0) }, "ack 1"},
		{"another frame", func() { r.Deliver(2, frameAt(1, 3), 0, 0); r.Computed(2, carrying(2), 0) }, "compute 2 run; commit 2"},
		{"refused", func() { r.Committed(2, Refused, 0); r.Looked(2, carrying(3), 0) }, "lookup 2; compute 2 run as written"},
		{"as before", func() { r.Computed(2, carrying(2), 0) }, "mark 2"},
		{"nobody is done with it", func() { r.Marked(2, false, 0) }, "fail 2"},
	})
}

// TestOwnerThatTakesLongSavesSoon: with the next frame always there nothing is idle, and the
// sources wait for the checkpoint.
func TestOwnerThatTakesLongSavesSoon(t *testing.T) {
	m := NewOwner(OwnerConfig{Lanes: []int{0}, Window: 8}, Checkpoint{}, nil)
	for n := range uint64(3) {
		m.Deliver(ID(n+1), frameAt(n, 3), 0)
	}
	play(t, m.Take, []line{
		{"three are there", func() {}, "compute 1 run"},
		{"applied", func() { m.Computed(1, &Entry{}, 1000*time.Millisecond) }, "commit 1; compute 2 run"},
		{"applied soon after", func() { m.Computed(2, &Entry{}, 1001*time.Millisecond) }, "commit 2; compute 3 run"},
		{"applied late", func() { m.Computed(3, &Entry{}, 1000*time.Millisecond+checkpointLate) }, "commit 3; capture 1"},
	})
}

// TestStarved says that an owner waits for a frame while others, behind it, have come.
func TestStarved(t *testing.T) {
	m := NewOwner(OwnerConfig{Lanes: []int{0}, Window: 4}, Checkpoint{}, nil)
	at := func(n uint64, want bool) {
		t.Helper()
		if n > 0 {
			m.Deliver(ID(n), Frame{Ord: recipe.Ordinal{N: n - 1}, Records: 1, Seq: n}, 0)
		}
		if got := m.Starved(); got != want {
			t.Errorf("with frame %d: got %v, want %v", n, got, want)
		}
	}
	at(0, false) // nothing has come
	at(2, true)
	at(3, true)
	at(1, false) // it is applied
}
