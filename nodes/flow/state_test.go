package flow

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"sluice/nodes"
	"sluice/recipe"
)

// copyOf restores a fresh instance from a snapshot and the deltas after it.
func copyOf(t *rapid.T, fresh nodes.Processor, snapshot []byte, deltas [][]byte) nodes.Processor {
	s := fresh.(nodes.Stateful)
	if err := s.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	for _, d := range deltas {
		if err := s.Apply(d); err != nil {
			t.Fatal(err)
		}
	}
	return fresh
}

// TestStatesOverRandomWalks runs kinds over random records at random ports and replaces
// the instance by a restored one at random places, snapshot or deltas: the answers
// must be those of an instance that was left alone.
func TestStatesOverRandomWalks(t *testing.T) {
	for _, c := range []struct {
		kind   nodes.Kind
		config string
		ports  int
		out    recipe.Type
	}{
		{zipKind, `{"max_ahead":1000}`, 2, recipe.JSON},
		{dedupeKind, `{"max_keys":3}`, 1, recipe.Int},
		{dedupeKind, `{"max_keys":100}`, 1, recipe.Int},
		{topKind, `{"n":4}`, 1, recipe.Int},
		{countByKind, `{"max_keys":6}`, 1, recipe.JSON},
		{limitKind, `{"count":20}`, 1, recipe.Int},
	} {
		t.Run(c.kind.Kind, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				alone := build(t, c.kind, c.config, &nodes.Env{})
				node := build(t, c.kind, c.config, &nodes.Env{})
				a, b := call(c.out), call(c.out)
				var snapshot []byte
				var deltas [][]byte
				for i := range rapid.IntRange(1, 80).Draw(rt, "records") {
					a.Port = rapid.IntRange(0, c.ports-1).Draw(rt, "port")
					b.Port = a.Port
					r := nodes.IntRecord(int64(rapid.IntRange(0, 9).Draw(rt, "v")))
					errA, errB := alone.Process(a, r), node.Process(b, r)
					if fmt.Sprint(errA) != fmt.Sprint(errB) {
						rt.Fatalf("record %d: got %v, want %v", i, errB, errA)
					}
					switch rapid.IntRange(0, 5).Draw(rt, "then") {
					case 0:
						deltas = append(deltas, node.(nodes.Stateful).AppendDelta(nil))
						node = copyOf(rt, build(t, c.kind, c.config, &nodes.Env{}), snapshot, deltas)
					case 1:
						deltas = append(deltas, node.(nodes.Stateful).AppendDelta(nil))
					case 2:
						snapshot, deltas = node.(nodes.Stateful).AppendSnapshot(nil), nil
						node = copyOf(rt, build(t, c.kind, c.config, &nodes.Env{}), snapshot, nil)
					}
				}
				if f, ok := alone.(nodes.Finisher); ok {
					if f.Finish(a) != nil || node.(nodes.Finisher).Finish(b) != nil {
						rt.Fatal("finish")
					}
				}
				if got, want := string(b.Out(0).Encoded()), string(a.Out(0).Encoded()); got != want {
					rt.Fatalf("got %q, want %q", got, want)
				}
			})
		})
	}
}
