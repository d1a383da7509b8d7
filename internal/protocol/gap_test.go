package protocol

import (
	"encoding/json"
	"slices"
	"testing"

	"sluice/recipe"
)

// threeSteps is twoSteps with a relay between, by edges e1 and e2.
func threeSteps() *recipe.Plan {
	p := twoSteps()
	p.Steps[1] = recipe.Step{ID: 1, Node: "up", Role: recipe.RoleRelay, Outputs: []recipe.PortType{{}}, In: []recipe.EdgeID{"e1"}, Out: []recipe.EdgeID{"e2"}, Lanes: []recipe.Lane{{}}}
	p.Steps = append(p.Steps, recipe.Step{ID: 2, Node: "out", Role: recipe.RoleOrdered, Sink: true, In: []recipe.EdgeID{"e2"}, Lanes: []recipe.Lane{{}}})
	p.Edges = append(p.Edges, recipe.Edge{ID: "e2", From: 1, To: 2, Limit: 4})
	return p
}

// entry is one of threeSteps; with letters it has a second one.
func entry(step int, n uint64, letters int64) *Entry {
	e := &Entry{Step: step, Ord: recipe.Ordinal{N: n}, In: 3, Dead: letters, Counts: [][]uint32{{3}}}
	if step == 2 {
		e.Counts = [][]uint32{}
	}
	return e
}

// ledger gives entries their sequences.
func ledger(es ...*Entry) (all []Held) {
	for i, e := range es {
		all = append(all, Held{uint64(i + 1), e})
	}
	return all
}

// readAll folds entries, and returns the fold as the next coordinator reads it, too.
func readAll(t *testing.T, held []Held, fold Fold) (*Accountant, Fold) {
	t.Helper()
	a := NewAccountant(threeSteps(), fold, Rules{})
	for _, h := range held {
		if err := a.Add(h.Seq, h.Entry, 0); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(a.Fold)
	if err == nil {
		fold = Fold{}
		err = json.Unmarshal(b, &fold)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, fold
}

// without leaves out the entry with a sequence.
func without(held []Held, seq uint64) []Held {
	return slices.DeleteFunc(slices.Clone(held), func(h Held) bool { return h.Seq == seq })
}

// TestGap takes out one entry after the other. Each row shows one way to find it.
func TestGap(t *testing.T) {
	rows := []struct {
		name          string
		all           []Held
		counted, read int // so many entries were counted by the last coordinator, and read by this one behind it
		seq           uint64
		want          Loss
	}{
		{"it was read", ledger(entry(0, 0, 0), entry(1, 1, 0), entry(0, 1, 0)), 0, 3, 2, Loss{"e1", recipe.Ordinal{N: 1}, Sure}},
		{"it was counted, and the step above has it", ledger(entry(0, 0, 0), entry(1, 0, 0), entry(0, 1, 0), entry(1, 1, 0), entry(2, 1, 0)), 4, 0, 4, Loss{"e1", recipe.Ordinal{N: 1}, Sure}},
		{"it was counted, and the step below has it", ledger(entry(0, 0, 0), entry(1, 0, 0), entry(2, 0, 0)), 3, 0, 1, Loss{"e1", recipe.Ordinal{}, Sure}},
		{"it was counted, and the last step's", ledger(entry(0, 0, 0), entry(1, 0, 0), entry(2, 0, 0)), 3, 0, 3, Loss{"e2", recipe.Ordinal{}, Sure}},
		{"its second entry was counted", ledger(entry(0, 0, 0), entry(1, 0, 1), entry(1, 0, 1).done()), 3, 0, 3, Loss{"e1", recipe.Ordinal{}, Sure}},
		{"the first of two was not counted", ledger(entry(0, 0, 0), entry(1, 0, 1), entry(1, 0, 1).done()), 1, 0, 2, Loss{"e1", recipe.Ordinal{}, Sure}},
		{"the step below has it", ledger(entry(0, 0, 0), entry(1, 0, 0), entry(2, 0, 0)), 0, 0, 2, Loss{"e1", recipe.Ordinal{}, Sure}},
		{"it was made again", append(ledger(entry(0, 0, 0), entry(1, 0, 0), entry(2, 0, 0)), Held{4, entry(1, 0, 0)}), 0, 0, 2, Loss{"e1", recipe.Ordinal{}, Likely}},
		{"the lane waits for it", ledger(entry(0, 0, 0), entry(0, 1, 0), entry(1, 0, 0), entry(1, 1, 0)), 0, 0, 3, Loss{"e1", recipe.Ordinal{}, Likely}},
		{"the lane waits for it, and was not read so far", ledger(entry(0, 0, 0), entry(0, 1, 0), entry(0, 2, 0), entry(0, 3, 0), entry(1, 0, 0)), 0, 0, 3, Loss{"e1", recipe.Ordinal{N: 2}, Likely}},
		{"it is the newest", ledger(entry(0, 0, 0), entry(0, 1, 0), entry(1, 0, 0), entry(1, 1, 0), entry(0, 2, 0)), 0, 0, 4, Loss{"e1", recipe.Ordinal{N: 1}, Guess}},
		{"it is the newest of all", ledger(entry(0, 0, 0), entry(1, 0, 0), entry(2, 0, 0), entry(0, 1, 0), entry(1, 1, 0), entry(2, 1, 0)), 0, 0, 6, Loss{"e2", recipe.Ordinal{N: 1}, Guess}},
	}
	for _, r := range rows {
		_, fold := readAll(t, r.all[:r.counted], Fold{})
		held := without(r.all, r.seq)
		a, _ := readAll(t, r.all[r.counted:r.counted+r.read], fold)
		if got := a.Gap(held, r.all[len(r.all)-1].Seq, Waiting{}); got != r.want {
			t.Errorf("%s: got %+v, want %+v", r.name, got, r.want)
		}
	}
}

// TestGapAtRest takes entries out of a ledger that was written down when the job came to
// rest: all are known, also those that tell nothing by themselves. What came behind that, or
// was made again, does not count.
func TestGapAtRest(t *testing.T) {
	all := ledger(entry(0, 0, 0), entry(0, 1, 0), entry(1, 0, 1), entry(1, 0, 1).done(), entry(2, 0, 0), entry(1, 1, 0), entry(0, 2, 0), entry(2, 1, 0))
	wants := []Loss{{"e1", recipe.Ordinal{}, Sure}, {"e1", recipe.Ordinal{N: 1}, Sure}, {"e1", recipe.Ordinal{}, Sure}, {"e1", recipe.Ordinal{}, Sure},
		{"e2", recipe.Ordinal{}, Sure}, {"e1", recipe.Ordinal{N: 1}, Sure}, {"e1", recipe.Ordinal{N: 2}, Sure}, {"e2", recipe.Ordinal{N: 1}, Sure}}
	for read := range len(all) {
		for i, want := range wants {
			_, fold := readAll(t, all[:read], Fold{})
			a, _ := readAll(t, nil, fold)
			a.Rested(a.Rest(all, 8))
			again := append(without(all, uint64(i+1)), Held{9, all[i].Entry}, Held{10, entry(0, 3, 0)})
			if got := a.Gap(again, 10, Waiting{}); got != want {
				t.Errorf("%d read, without %d: got %+v, want %+v", read, i+1, got, want)
			}
		}
	}
	a, _ := readAll(t, nil, Fold{})
	a.Rested(a.Rest(all, 8))
	if got := a.Gap(all, 8, Waiting{}); got.Trust == Sure {
		t.Errorf("nothing is missing: got %+v", got)
	}
}

// TestPurgeIsCounted shows that the fold's figures say what its purges remove, and that
// what they removed is not taken for lost.
func TestPurgeIsCounted(t *testing.T) {
	all := ledger(entry(0, 0, 0), entry(1, 0, 1), entry(1, 0, 1).done(), entry(2, 0, 0), entry(0, 1, 0), entry(1, 1, 0))
	a, _ := readAll(t, all, Fold{})
	a.Splits(0, 1)
	a.Split(0, 0, SplitState{N: 1})
	a.Watermark(2, Cursors{{N: 1}})
	ps := a.Purge()
	if len(ps) != 1 || ps[0] != (Purge{0, 5, 4}) || a.Fold.Purged != 4 || a.Fold.Below[0] != 5 {
		t.Fatalf("got %+v, %d purged below %v, want 4 below 5", ps, a.Fold.Purged, a.Fold.Below)
	}
	for i, want := range []int64{1, 1, 0} {
		if got := a.Fold.Steps[i].Kept[0]; got != want {
			t.Errorf("step %d: got %d entries kept, want %d", i, got, want)
		}
	}
	for name, held := range map[string][]Held{"before": all, "behind": all[4:]} {
		if got := a.Gap(held, 6, Waiting{}); got.Trust == Sure {
			t.Errorf("%s the purge: got %+v, want nothing sure", name, got)
		}
		if got, want := a.Gap(without(held, 6), 6, Waiting{}), (Loss{"e1", recipe.Ordinal{N: 1}, Sure}); got != want {
			t.Errorf("%s the purge: got %+v, want %+v", name, got, want)
		}
	}
	if ps := a.Purge(); len(ps) != 0 || a.Fold.Purged != 4 {
		t.Errorf("the same is purged again: %+v", ps)
	}
}

// waits says that frames of step from wait on the edge below it.
func waits(on string, ns ...uint64) (w Waiting) {
	p := threeSteps()
	for _, n := range ns {
		w.Add(p.Edge(recipe.EdgeID(on)), recipe.Ordinal{N: n}, "")
	}
	w.All = true
	return w
}

// TestGapByWhatWaits shows what the frames on the edges tell: one that waits was committed
// above, and not below.
func TestGapByWhatWaits(t *testing.T) {
	gapped := ledger(entry(0, 0, 0), entry(0, 1, 0), entry(0, 2, 0), entry(1, 0, 0), entry(1, 2, 0)) // the relay has not done frame 1
	rows := []struct {
		name    string
		all     []Held
		seq     uint64
		waiting Waiting
		want    Loss
	}{
		{"the lane's hole waits, so the newest is meant", gapped, 3, waits("e1", 1), Loss{"e1", recipe.Ordinal{N: 2}, Sure}},
		{"the lane's hole does not wait", gapped, 6, waits("e1", 5), Loss{"e1", recipe.Ordinal{N: 5}, Sure}},
		{"what it made waits", ledger(entry(0, 0, 0), entry(1, 0, 0)), 2, waits("e2", 0), Loss{"e1", recipe.Ordinal{}, Sure}},
		{"nothing tells", gapped, 6, waits("e2", 0), Loss{"e1", recipe.Ordinal{N: 1}, Likely}},
		{"the hole waits, and what was made last does not", gapped, 6, waits("e1", 1), Loss{"e2", recipe.Ordinal{}, Guess}},
	}
	for _, r := range rows {
		a, _ := readAll(t, nil, Fold{})
		if got := a.Gap(without(r.all, r.seq), 6, r.waiting); got != r.want {
			t.Errorf("%s: got %+v, want %+v", r.name, got, r.want)
		}
	}
}

// TestLost tells a frame that can't come any more from one that may.
func TestLost(t *testing.T) {
	for _, r := range []struct {
		name    string
		waiting Waiting
		want    bool
	}{
		{"it waits", waits("e2", 1), false},
		{"what it is made of waits", waits("e1", 1), false},
		{"others wait", waits("e1", 2), true},
		{"others wait below", waits("e2", 2), true},
		{"not all was looked at", Waiting{}, false},
	} {
		a, _ := readAll(t, ledger(entry(0, 0, 0), entry(1, 0, 0), entry(2, 0, 0), entry(0, 1, 0), entry(1, 1, 0), entry(0, 2, 0), entry(1, 2, 0)), Fold{})
		edge, o, lost := a.Lost(r.waiting)
		if lost != r.want || lost && (edge != "e2" || o != (recipe.Ordinal{N: 1})) {
			t.Errorf("%s: got %v of %s on %s, want %v", r.name, lost, o, edge, r.want)
		}
	}
	merge := threeSteps() // out reads the source, too, on a second lane
	merge.Steps[2].In, merge.Steps[2].Lanes = append(merge.Steps[2].In, "e3"), []recipe.Lane{{}, {}}
	merge.Steps[0].Out = append(merge.Steps[0].Out, "e3")
	merge.Edges = append(merge.Edges, recipe.Edge{ID: "e3", From: 0, To: 2, LaneBase: 1})
	both := NewAccountant(merge, Fold{}, Rules{})
	for _, h := range ledger(entry(0, 0, 0), entry(1, 0, 0)) {
		if err := both.Add(h.Seq, h.Entry, 0); err != nil {
			t.Fatal(err)
		}
	}
	both.Split(0, 0, SplitState{N: 1, Done: true})
	if edge, _, lost := both.Lost(waits("e2", 0)); !lost || edge != "e3" {
		t.Errorf("the other edge of a merge: got %v on %q", lost, edge)
	}
	a, _ := readAll(t, ledger(entry(0, 0, 0)), Fold{})
	if edge, _, lost := a.Lost(waits("e1")); lost {
		t.Errorf("a source may publish still: got a loss on %s", edge)
	}
	a.Split(0, 0, SplitState{N: 1, Done: true})
	if edge, _, lost := a.Lost(waits("e1")); !lost || edge != "e1" {
		t.Errorf("a split that is done: got %v on %q", lost, edge)
	}
}
