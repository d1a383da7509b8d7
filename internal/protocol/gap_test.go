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
		if got := a.Gap(held, r.all[len(r.all)-1].Seq); got != r.want {
			t.Errorf("%s: got %+v, want %+v", r.name, got, r.want)
		}
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
		if got := a.Gap(held, 6); got.Trust == Sure {
			t.Errorf("%s the purge: got %+v, want nothing sure", name, got)
		}
		if got, want := a.Gap(without(held, 6), 6), (Loss{"e1", recipe.Ordinal{N: 1}, Sure}); got != want {
			t.Errorf("%s the purge: got %+v, want %+v", name, got, want)
		}
	}
	if ps := a.Purge(); len(ps) != 0 || a.Fold.Purged != 4 {
		t.Errorf("the same is purged again: %+v", ps)
	}
}
