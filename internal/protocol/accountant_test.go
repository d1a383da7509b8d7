package protocol

import (
	"slices"
	"testing"
	"time"

	"sluice/recipe"
)

// twoSteps is a source that a sink reads in order.
func twoSteps() *recipe.Plan {
	return &recipe.Plan{
		Steps: []recipe.Step{
			{ID: 0, Node: "lines", Role: recipe.RoleSource, Outputs: []recipe.PortType{{Name: "out"}}, Out: []recipe.EdgeID{"e1"}, Lanes: []recipe.Lane{{}}},
			{ID: 1, Node: "out", Role: recipe.RoleOrdered, Sink: true, In: []recipe.EdgeID{"e1"}, Lanes: []recipe.Lane{{}}},
		},
		Edges: []recipe.Edge{{ID: "e1", From: 0, To: 1, Capacity: 4, Limit: 4}},
	}
}

// history is the ledger of a job with n frames of 3 records and an end frame.
func history(n uint64) []*Entry {
	var es []*Entry
	for k := range n + 1 {
		records, end := int64(3), k == n
		if end {
			records = 0
		}
		es = append(es,
			&Entry{Step: 0, Ord: recipe.Ordinal{N: k}, EndSplit: end, EndSource: end, Counts: [][]uint32{{uint32(records)}}},
			&Entry{Step: 1, Ord: recipe.Ordinal{N: k}, EndSplit: end, EndSource: end, In: records, Counts: [][]uint32{}})
	}
	return es
}

func add(t *testing.T, a *Accountant, es ...*Entry) {
	t.Helper()
	for i, e := range es {
		if e == nil {
			continue
		}
		if err := a.Add(uint64(i+1), e, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAccountantFoldsOnceInAnyOrder(t *testing.T) {
	es := history(4)
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	for i := len(es) - 1; i >= 0; i-- {
		add(t, a, es[i], es[i])
	}
	if !a.Done() {
		t.Fatal("the job is not done")
	}
	if err := a.Balance(); err != nil {
		t.Error(err)
	}
	if got := a.Fold.Steps[1]; got.In != 12 || got.Frames != 5 {
		t.Errorf("got %d records in %d frames, want 12 in 5", got.In, got.Frames)
	}
}

func TestAccountantNamesTheEdge(t *testing.T) {
	for i := range history(3) {
		es := history(3)
		es[i] = nil
		a := NewAccountant(twoSteps(), Fold{}, Rules{})
		add(t, a, es...)
		id, ord, ok := a.Missing()
		if !ok || id != "e1" || ord.N != uint64(i/2) {
			t.Errorf("without entry %d: got %s %s %v, want e1 and frame %d", i, id, ord, ok, i/2)
		}
	}
	es := history(3)
	es[1].In = 2
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	add(t, a, es...)
	if err := a.Balance(); err == nil {
		t.Error("a record was lost, and the account balances")
	}
}

func TestPurgeKeepsToTheMark(t *testing.T) {
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	add(t, a, history(3)...)
	a.Splits(0, 1)
	steps := []struct {
		name      string
		split     SplitState
		watermark Cursor
		want      uint64
	}{
		{"no checkpoint", SplitState{}, Cursor{}, 0},
		{"only the split's", SplitState{N: 2}, Cursor{}, 0},
		{"the owner's is behind it", SplitState{N: 2}, Cursor{N: 1}, 3},
		{"the split's is behind it", SplitState{N: 2}, Cursor{N: 3}, 5},
		{"both are done", SplitState{N: 4, Done: true}, Cursor{Split: 1, Done: true}, 9},
	}
	for _, s := range steps {
		a.Split(0, 0, s.split)
		a.Watermark(1, Cursors{s.watermark})
		var got uint64
		for _, p := range a.Purge() {
			got = p.Below
		}
		if got != s.want {
			t.Errorf("%s: got %d, want %d", s.name, got, s.want)
		}
	}
}

func TestMarksNeverGoBack(t *testing.T) {
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	add(t, a, history(3)...)
	a.Splits(0, 1)
	a.Split(0, 0, SplitState{N: 4, Done: true})
	a.Watermark(1, Cursors{{N: 2}})
	a.RaiseMarks()
	if a.Watermark(1, Cursors{{N: 1}}); a.Mark(0) != (Mark{N: 2}) {
		t.Errorf("behind the word of an earlier owner: got %+v, want frame 2", a.Mark(0))
	}
	next := NewAccountant(twoSteps(), a.Fold, Rules{})
	if next.Mark(0) != (Mark{N: 2}) {
		t.Errorf("behind a start: got %+v, want what was written", next.Mark(0))
	}
	next.Splits(0, 1)
	next.Split(0, 0, SplitState{N: 4, Done: true})
	if next.Watermark(1, Cursors{{N: 3}}); next.Mark(0) != (Mark{N: 3}) {
		t.Errorf("the owner speaks: got %+v, want frame 3", next.Mark(0))
	}
}

func TestCursorsAreRaisedLaneByLane(t *testing.T) {
	cs := Cursors{{N: 2}, {N: 5}, {N: 1, Path: "\x00\x01"}, {Split: 1, Done: true}}
	if !cs.Raise(Cursors{{N: 3}, {N: 4}, {N: 1, Path: "\x00\x02"}, {N: 9}}) {
		t.Error("two lanes were raised, and it is no news")
	}
	want := Cursors{{N: 3}, {N: 5}, {N: 1, Path: "\x00\x02"}, {Split: 1, Done: true}}
	if !slices.Equal(cs, want) {
		t.Errorf("got %v, want %v", cs, want)
	}
	if cs.Raise(Cursors{{N: 3}, {N: 5}, {N: 1}, {Split: 1, Done: true}}) {
		t.Error("the same again is no news")
	}
}

func TestAccountantCountsTheSecondEntry(t *testing.T) {
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	e := &Entry{Step: 0, Dead: 1, Counts: [][]uint32{{2}}}
	add(t, a, e)
	if a.Fold.Steps[0].Dead != 0 {
		t.Error("letters were counted before they were published")
	}
	add(t, a, e.done())
	if got := a.Fold.Steps[0]; got.Dead != 1 || got.Frames != 1 {
		t.Errorf("got %d dead in %d frames, want 1 in 1", got.Dead, got.Frames)
	}
}

func TestAccountantRefusesWhatDoesNotFit(t *testing.T) {
	for _, e := range []*Entry{
		{Step: 9},
		{Step: 0, Ord: recipe.Ordinal{Lane: 4}, Counts: [][]uint32{{1}}},
		{Step: 0, Counts: [][]uint32{{1}, {1}}},
		{Step: 0},
	} {
		if err := NewAccountant(twoSteps(), Fold{}, Rules{}).Add(1, e, 0); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
}

func TestOverdueHelpsAGate(t *testing.T) {
	p := twoSteps()
	p.Edges[0].TTL = 100 * ms
	p.Steps[1] = recipe.Step{ID: 1, Node: "out.in~gate", Role: recipe.RoleGate, Outputs: []recipe.PortType{{}}, In: []recipe.EdgeID{"e1"}, Out: []recipe.EdgeID{"e2"}, Lanes: []recipe.Lane{{}}}
	p.Steps = append(p.Steps, recipe.Step{ID: 2, Node: "out", Role: recipe.RoleOrdered, Sink: true, In: []recipe.EdgeID{"e2"}, Lanes: []recipe.Lane{{}}})
	p.Edges = append(p.Edges, recipe.Edge{ID: "e2", From: 1, To: 2, Limit: 4})
	a := NewAccountant(p, Fold{}, Rules{})
	add(t, a, &Entry{Step: 0, Counts: [][]uint32{{3}}})
	empty := func(recipe.EdgeID) (uint64, bool) { return 0, true }
	stored := func(recipe.EdgeID) (uint64, bool) { return 1, true }
	unknown := func(recipe.EdgeID) (uint64, bool) { return 0, false }
	if due := a.Overdue(90*ms, 50*ms, empty); len(due) != 0 {
		t.Errorf("before the ttl: got %d, want none", len(due))
	}
	if due := a.Overdue(time.Second, 50*ms, stored); len(due) != 0 {
		t.Errorf("something is stored: got %d, want none", len(due))
	}
	if due := a.Overdue(time.Second, 50*ms, unknown); len(due) != 0 {
		t.Errorf("nobody knows what is stored: got %d, want none", len(due))
	}
	due := a.Overdue(2*time.Second, 50*ms, empty)
	if len(due) != 1 || due[0].Expire == nil || due[0].Expire.Step != 1 || due[0].Expire.In != 3 {
		t.Fatalf("got %+v, want the gate's frame expired with 3 records", due)
	}
	add(t, a, due[0].Expire)
	if due = a.Overdue(3*time.Second, 50*ms, stored); len(due) != 0 {
		t.Errorf("the gate's frame is stored below it: got %d, want none", len(due))
	}
	if due = a.Overdue(3*time.Second, 50*ms, empty); len(due) != 1 || due[0].Expire != nil || due[0].Entry.Step != 1 {
		t.Errorf("got %+v, want the gate's frame published again", due)
	}
}

func TestNewsOfTheMark(t *testing.T) {
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	add(t, a, history(3)...)
	if a.Splits(0, 1); !a.News() || a.News() {
		t.Error("entries are news, once")
	}
	if a.Split(0, 0, SplitState{N: 2}); !a.News() {
		t.Error("a split's checkpoint moves the mark")
	}
	if a.Watermark(1, Cursors{{N: 2}}); !a.News() {
		t.Error("an owner's checkpoint moves the mark")
	}
	a.Split(0, 0, SplitState{N: 2})
	if a.Watermark(1, Cursors{{N: 2}}); a.News() {
		t.Error("the same again is no news")
	}
}

func TestOverdueLeavesStraysAlone(t *testing.T) {
	p := twoSteps()
	p.Edges[0].TTL = 100 * ms
	a := NewAccountant(p, Fold{}, Rules{})
	es := history(0)
	stray := &Entry{Step: 0, Ord: recipe.Ordinal{N: 1}, Counts: [][]uint32{{3}}}
	empty := func(recipe.EdgeID) (uint64, bool) { return 0, true }
	add(t, a, stray)
	if due := a.Overdue(time.Second, 50*ms, empty); len(due) != 0 {
		t.Errorf("before the account has come so far: got %d, want none", len(due))
	}
	add(t, a, es[0])
	if due := a.Overdue(time.Second, 50*ms, empty); len(due) != 1 || due[0].Expire.Ord.N != 0 {
		t.Errorf("behind the end of the split: got %+v, want help for frame 0 alone", due)
	}
}

// TestSplitsPassed has a source read all it has while the sink has hardly begun: what
// counts is what the sink has done.
func TestSplitsPassed(t *testing.T) {
	frame := func(step int, split uint32, n uint64, end bool) *Entry {
		return &Entry{Step: step, Ord: recipe.Ordinal{Split: split, N: n}, EndSplit: end, EndSource: end && split == 1, Counts: make([][]uint32, 1-step)}
	}
	fresh := func(count uint32) *Accountant {
		a := NewAccountant(twoSteps(), Fold{}, Rules{})
		a.Splits(0, count)
		for split := range uint32(2) { // two splits of four frames
			for n := range uint64(4) {
				add(t, a, frame(0, split, n, n == 3))
			}
			a.Split(0, split, SplitState{N: 4, Offset: 100, Done: true})
		}
		if !a.SplitsDone(0) {
			t.Fatal("the splits are read")
		}
		return a
	}
	sized, counted := fresh(2), fresh(2)
	for i, want := range []struct{ sized, counted float64 }{
		{0, 0}, {0.0625, 0.125}, {0.125, 0.25}, {0.1875, 0.375}, {0.25, 0.5}, {0.4375, 0.625}, {0.625, 0.75}, {0.8125, 0.875}, {1, 1},
	} {
		if i > 0 {
			e := frame(1, uint32(i-1)/4, uint64(i-1)%4, i%4 == 0)
			add(t, sized, e)
			add(t, counted, e)
		}
		if got := sized.SplitsPassed(0, sized.Hindmost()[0], []int64{0, 100, 400}); got != want.sized {
			t.Errorf("%d frames, by sizes: got %v, want %v", i, got, want.sized)
		}
		if got := counted.SplitsPassed(0, counted.Hindmost()[0], nil); got != want.counted {
			t.Errorf("%d frames, by splits: got %v, want %v", i, got, want.counted)
		}
	}

	// While a single split without a size is read, there is no telling.
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	if got := a.SplitsPassed(0, a.Hindmost()[0], nil); got != -1 {
		t.Errorf("got %v before the splits are known", got)
	}
	a.Splits(0, 1)
	a.Split(0, 0, SplitState{N: 2, Offset: 10})
	if got := a.SplitsPassed(0, a.Hindmost()[0], nil); got != -1 {
		t.Errorf("got %v of a split without a size", got)
	}
	if got := a.SplitsPassed(0, a.Hindmost()[0], []int64{0, 40}); got != 0 {
		t.Errorf("got %v before a step has taken anything", got)
	}
}

// TestSplitDoneLate has every step pass a split before its checkpoint says that it is done.
func TestSplitDoneLate(t *testing.T) {
	a := NewAccountant(twoSteps(), Fold{}, Rules{})
	a.Splits(0, 2)
	add(t, a, &Entry{Counts: [][]uint32{{}}, EndSplit: true}, &Entry{Step: 1, Counts: [][]uint32{}, EndSplit: true})
	a.Split(0, 1, SplitState{N: 1, Done: true})
	if got := a.SplitsPassed(0, a.Hindmost()[0], nil); got != 0.5 || a.SplitsDone(0) {
		t.Errorf("got %v, %v", got, a.SplitsDone(0))
	}
	if a.Split(0, 0, SplitState{N: 1, Done: true}); !a.SplitsDone(0) {
		t.Error("the checkpoint that came late was lost")
	}
}
