package dead_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/coordinator/compile"
	"sluice/coordinator/dead"
	"sluice/internal/bus"
	"sluice/internal/solo"
	"sluice/recipe"
)

// TestEachIsInOrder stores letters in the worst order, of one node more than are held back:
// each comes once, by nodes, and by frames as far as they are held back.
func TestEachIsInOrder(t *testing.T) {
	w := newWorld(t)
	w.open()
	plan, faults := compile.Compile("r.yaml", []byte(numbers), compile.Options{Catalogue: w.catalogue()})
	if faults != nil {
		t.Fatal(faults)
	}
	w.broken.Store(true)
	p, err := w.run(t.Context(), solo.Config{Plan: plan})
	if err != nil || p.State != recipe.JobSucceeded {
		t.Fatal(p.State, err)
	}
	pub, err := w.host.Conn().NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	const first, many, big = 100, 30, 700 << 10 // frames of the job itself are before the first
	put := func(step int, frame uint64, size int) {
		t.Helper()
		key := bus.DeadKey{Step: step, Ord: recipe.Ordinal{N: frame}}
		data, err := json.Marshal(bus.DeadLetter{ID: fmt.Sprintf("%d.0-%d-0.0", step, frame), Job: p.Job, Node: plan.Steps[step].Node,
			Record: json.RawMessage(`"` + strings.Repeat("x", size) + `"`)})
		if err != nil {
			t.Fatal(err)
		}
		if out := pub.PutSync(t.Context(), bus.Put{Subject: bus.Names{Job: p.Job}.DeadLetters(key), Data: data}); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	var want []string
	for _, step := range []int{2, 1, 0} {
		for i := range uint64(many) {
			size := 10
			if step == 2 {
				size = big
			}
			put(step, first+many-i, size)
		}
	}
	w.open()
	for _, step := range []int{0, 1, 2} {
		for i := range uint64(many) {
			want = append(want, fmt.Sprintf("%d.0-%d-0.0", step, first+1+i))
		}
	}
	var got []string
	err = w.store.Each(t.Context(), w.store.Scope(""), func(l *dead.Letter) error {
		if len(l.Record) > 4 && l.Record[1] == 'x' { // not of the job itself
			got = append(got, l.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if small := 2 * many; len(got) < small || !slices.Equal(got[:small], want[:small]) {
		t.Errorf("got  %v\nwant %v", got, want[:small])
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
