package protocol

import (
	"testing"
	"time"
)

// piece is what a driver cut: a frame from start to end.
func piece(start, end int64, last bool) *Entry {
	return &Entry{Counts: [][]uint32{{uint32(end - start)}}, Start: start, End: end, EndSplit: last}
}

func TestSourceCutsCommitsPublishes(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 3}, 0, SplitState{}, 0)
	lettered := piece(3, 6, false)
	lettered.Dead = 1
	play(t, m.Take, []line{
		{"nothing before the start", func() { m.Credit(Credit{}, 0) }, ""},
		{"start", func() { m.Start(0) }, "cut 0 at 0"},
		{"cut", func() { m.WasCut(1, piece(0, 3, false), 0) }, "commit 1; cut 1 at 3"},
		{"commits are pipelined", func() { m.WasCut(2, lettered, 0) }, "commit 2; cut 2 at 6"},
		{"the end", func() { m.WasCut(3, piece(6, 6, true), 0) }, "commit 3"},
		{"the second is known first", func() { m.Committed(2, OK, 0) }, ""},
		{"published in order", func() { m.Committed(1, OK, 0) }, "publish 1 0.0; mark 2"},
		{"committed", func() { m.Committed(3, OK, 0) }, ""},
		{"not below the mark", func() { m.Marked(2, false, 0) }, "letters 2; publish 2 0.0; publish 3 0.0"},
		{"published", func() { m.Published(1, 0, 0, OK, 0) }, "ack 1"},
		{"the last first", func() { m.Published(3, 0, 0, OK, 0) }, ""},
		{"published", func() { m.Published(2, 0, 0, OK, 0); m.Published(2, DeadLetters, 0, OK, 0) }, "commit 2 done"},
		{"confirmed", func() { m.Committed(2, OK, 0) }, "ack 2; ack 3; save 3 at 6 done"},
		{"saved", func() { m.Saved(SplitState{N: 3, Offset: 6, Done: true}, OK, 0) }, "finish"},
	})
}

func TestSourceFollowsTheWinner(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 4}, 0, SplitState{}, 0)
	m.Start(0)
	m.WasCut(1, piece(0, 3, false), 0)
	m.WasCut(2, piece(3, 6, false), 0)
	m.Take()
	end := piece(0, 0, true)
	play(t, m.Take, []line{
		{"refused", func() { m.Committed(1, Refused, 0) }, "lookup 1"},
		{"another attempt ended the split there, while a cut is under way", func() { m.Looked(1, end, 0) }, "ack 1; ack 2"},
		{"a commit behind the end comes too late", func() { m.Committed(2, OK, 0) }, ""},
		{"that cut is dropped", func() { m.WasCut(3, piece(6, 9, false), 0) }, "ack 3; cut 0 at 0 to 0"},
		{"cut as written", func() { m.WasCut(4, piece(0, 0, true), 0) }, "publish 4 0.0"},
		{"the end is through", func() { m.Published(4, 0, 0, OK, 0) }, "ack 4; save 1 at 0 done"},
	})
}

func TestSourceThatReadsSomethingElseFailsTheJob(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 1}, 0, SplitState{}, 0)
	m.Start(0)
	m.WasCut(1, piece(0, 3, false), 0)
	m.Committed(1, Refused, 0)
	m.Take()
	play(t, m.Take, []line{
		{"an earlier attempt read less", func() { m.Looked(1, piece(0, 2, false), 0) }, "ack 1; cut 0 at 0 to 2"},
		{"there is only one record now", func() { m.WasCut(2, piece(0, 1, false), 0) }, "fail 2"},
		{"nothing afterwards", func() { m.Tick(ms) }, ""},
	})
}

func TestSourceBelowTheMarkStartsAgain(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 1}, 0, SplitState{}, 0)
	m.Start(0)
	e := piece(0, 3, false)
	e.Dead = 1
	m.WasCut(1, e, 0)
	m.Take()
	play(t, m.Take, []line{
		{"committed where the first entry was purged", func() { m.Committed(1, OK, 0) }, "mark 1"},
		{"below: it is a latecomer's entry", func() { m.Marked(1, true, 0) }, "restart"},
	})
}

func TestSourceStartsAgainWhereOthersAreFarAhead(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 4}, 0, SplitState{}, 0)
	m.Start(0)
	m.WasCut(1, piece(0, 3, false), 0)
	m.Committed(1, Refused, 0)
	m.Take()
	play(t, m.Take, []line{{"folded", func() { m.Looked(1, nil, 0) }, "restart"}})
	if !m.Over() {
		t.Error("the attempt is not over")
	}
}

func TestSourceKeepsToTheWindow(t *testing.T) {
	c := SourceConfig{Ports: []int{0}, Splits: 2, Frames: 3, Ahead: 10, Pipeline: 8}
	tests := []struct {
		name   string
		split  uint32
		n      uint64
		credit Credit
		may    bool
	}{
		{"no ordered step", 0, 9, Credit{}, true},
		{"in the window of the lowest split", 1, 6, Credit{Ordered: true, Split: 1, N: 4}, true},
		{"beyond it", 1, 7, Credit{Ordered: true, Split: 1, N: 4}, false},
		{"the first frames of the next split", 2, 2, Credit{Ordered: true, Split: 1, N: 4}, true},
		{"beyond them", 2, 3, Credit{Ordered: true, Split: 1, N: 4}, false},
		{"a split too many", 3, 0, Credit{Ordered: true, Split: 1, N: 4}, false},
		{"behind everybody", 0, 9, Credit{Ordered: true, Split: 1, N: 4}, true},
		{"tight: the frame they wait for", 1, 4, Credit{Ordered: true, Split: 1, N: 4, Tight: true}, true},
		{"tight: another", 1, 5, Credit{Ordered: true, Split: 1, N: 4, Tight: true}, false},
		{"they have all", 9, 9, Credit{Ordered: true, Done: true, Mark: Mark{All: true}}, true},
		{"near the mark", 1, 13, Credit{Mark: Mark{Split: 1, N: 4}}, true},
		{"too far from it", 1, 14, Credit{Mark: Mark{Split: 1, N: 4}}, false},
		{"another of the first splits", 2, 9, Credit{Mark: Mark{Split: 1, N: 4}}, true},
		{"a split further away", 6, 3, Credit{Mark: Mark{Split: 1, N: 4}}, true},
		{"has fewer", 6, 4, Credit{Mark: Mark{Split: 1, N: 4}}, false},
		{"below the mark", 0, 99, Credit{Mark: Mark{Split: 1, N: 4}}, true},
		{"the steps have it all, the job not", 1, 14, Credit{Ordered: true, Done: true, Mark: Mark{Split: 1, N: 4}}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := NewSource(c, test.split, SplitState{N: test.n}, 0)
			m.Credit(test.credit, 0)
			m.Start(0)
			a := m.Take()
			if got := a[0].Op == OpCut; got != test.may {
				t.Errorf("got %q, want a cut: %v", words(a), test.may)
			}
		})
	}
}

func TestSourceGivesAStarvedSplitBack(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Splits: 1, Frames: 1, Pipeline: 1}, 4, SplitState{N: 2, Offset: 7}, 0)
	m.Credit(Credit{Ordered: true, Split: 1}, 0)
	play(t, m.Take, []line{
		{"start", func() { m.Start(0) }, "wake 1s"},
		{"still none", func() { m.Tick(500 * ms) }, ""},
		{"too long", func() { m.Tick(time.Second) }, "save 2 at 7"},
		{"saved", func() { m.Saved(SplitState{N: 2, Offset: 7}, OK, time.Second) }, "return after 500ms"},
	})
}

func TestSourceStoppedBehindItsEndIsDone(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 1}, 0, SplitState{}, 0)
	m.Start(0)
	m.WasCut(1, piece(0, 0, true), 0)
	m.Committed(1, OK, 0)
	m.Stop(0)
	m.Take()
	play(t, m.Take, []line{
		{"a place before the end frame", func() { m.Saved(SplitState{}, Failed, 0) }, "wake 1ms"},
		{"a moment later", func() { m.Tick(1 * ms) }, "save 0 at 0"},
		{"the end frame is through", func() { m.Published(1, 0, 0, OK, 0) }, "ack 1"},
		{"saved", func() { m.Saved(SplitState{}, OK, 0) }, "save 1 at 0 done"},
		{"saved", func() { m.Saved(SplitState{N: 1, Done: true}, OK, 0) }, "finish"},
	})
}

func TestFlaggedSourceEnds(t *testing.T) {
	m := NewSource(SourceConfig{Ports: []int{0}, Pipeline: 1, Last: 0}, 0, SplitState{N: 2, Offset: 5}, 0)
	m.Flag(0)
	m.Start(0)
	a := m.Take()
	if len(a) != 1 || a[0].Follow == nil || !a[0].Follow.EndSplit || a[0].Follow.End != 5 {
		t.Fatalf("got %+v, want a cut that ends the split at 5", a)
	}
	e := piece(5, 5, true)
	m.WasCut(1, e, 0)
	if !e.EndSource || e.Ord.N != 2 {
		t.Errorf("got %+v, want the end of the source as frame 2", e)
	}
}
