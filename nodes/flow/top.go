package flow

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"

	"sluice/nodes"
	"sluice/recipe"
)

var topKind = nodes.Define(nodes.Spec{
	Kind:     "top",
	Category: "flow",
	Summary:  "Keeps the records with the largest numbers",
	Doc: "When the input ends it emits them, largest first; of equal ones, the one that came first goes before. Whole numbers are compared exactly, with " +
		"floats too. The records may take 32 MiB together.",
	Role:  nodes.Ordered,
	In:    []nodes.Port{{Name: "in", Type: "T", JSONWith: "by", Doc: "json records by a field, or numbers"}},
	Where: map[string]recipe.Type{"T": recipe.Number},
	Out:   []nodes.Port{{Name: "out", Type: "T", Doc: "the largest ones"}},
	AtEnd: true,
	Examples: []nodes.Example{
		{
			Config: "{n: 2, by: count}",
			In:     []any{nodes.JSON(`{"key":"a","count":3}`), nodes.JSON(`{"key":"b","count":9}`), nodes.JSON(`{"key":"c","count":3}`)},
			Out:    []any{nodes.JSON(`{"key":"b","count":9}`), nodes.JSON(`{"key":"a","count":3}`)},
		},
		{Doc: "Of numbers", Config: "n: 3", In: []any{5, -1, 9223372036854775807, 9223372036854775806}, Out: []any{9223372036854775807, 9223372036854775806, 5}},
		{
			Doc: "Exact, whatever the sort of number", Config: "{n: 3, by: n}",
			In: []any{
				nodes.JSON(`{"n":9007199254740992.0}`), nodes.JSON(`{"n":9223372036854775808}`), nodes.JSON(`{"n":9007199254740993}`), nodes.JSON(`{"n":9223372036854775809}`),
			},
			Out: []any{nodes.JSON(`{"n":9223372036854775809}`), nodes.JSON(`{"n":9223372036854775808}`), nodes.JSON(`{"n":9007199254740993}`)},
		},
		{
			Config: "by: size", In: []any{nodes.JSON(`{"size":"big"}`), nodes.JSON(`{"size":1.5}`), nodes.JSON(`{}`)},
			Out: []any{nodes.JSON(`{"size":1.5}`)}, Dead: []string{`size is "big"; a number is wanted`, "no field size"},
		},
	},
}, newTop)

type topConfig struct {
	N  int    `json:"n" doc:"how many to keep" default:"10" min:"1" max:"100000"`
	By string `json:"by" doc:"dotted path of the number in json records; without it the value itself" optional:"true"`
}

// maxTopBytes bounds the records that are kept.
const maxTopBytes = 32 << 20

type top struct {
	n     int
	by    *nodes.Field
	kept  ranking
	fresh []*ranked // kept since the last delta; some may have gone again
	bytes int
	seen  uint64 // records that were taken
}

// ranked is a record with its place: number, then arrival.
type ranked struct {
	number number
	seq    uint64
	record []byte // as nodes.AppendRecord writes it
	gone   bool   // a larger one took its place
}

// before orders the largest first, and of equal ones the first.
func before(a, b *ranked) int {
	if c := b.number.compare(a.number); c != 0 {
		return c
	}
	return cmp.Compare(a.seq, b.seq)
}

// ranking is a heap whose root is the one to go first: the smallest.
type ranking []*ranked

// Len implements heap.Interface.
func (k ranking) Len() int { return len(k) }

// Less implements heap.Interface.
func (k ranking) Less(i, j int) bool { return before(k[i], k[j]) > 0 }

// Swap implements heap.Interface.
func (k ranking) Swap(i, j int) { k[i], k[j] = k[j], k[i] }

// Push implements heap.Interface.
func (k *ranking) Push(r any) { *k = append(*k, r.(*ranked)) }

// Pop implements heap.Interface.
func (k *ranking) Pop() any {
	end := len(*k) - 1
	r := (*k)[end]
	*k = slices.Delete(*k, end, end+1)
	return r
}

func newTop(c topConfig, _ *nodes.Env) (any, error) {
	t := &top{n: c.N}
	if c.By != "" {
		f, err := nodes.ParseField(c.By)
		if err != nil {
			return nil, fmt.Errorf("by: %w", err)
		}
		t.by = &f
	}
	return t, nil
}

// Process implements nodes.Processor.
func (t *top) Process(_ *nodes.Call, r nodes.Record) error {
	x, err := t.numberOf(r)
	if err != nil {
		return err
	}
	fresh := &ranked{number: x, seq: t.seen + 1}
	freed := 0
	if len(t.kept) == t.n {
		if before(fresh, t.kept[0]) > 0 {
			return nil
		}
		freed = len(t.kept[0].record)
	}
	if t.bytes-freed+r.Size() > maxTopBytes {
		return nodes.Permanentf("the %d largest records take more than %d MiB", t.n, maxTopBytes>>20)
	}
	t.seen++
	fresh.record = nodes.AppendRecord(nil, r)
	t.insert(fresh)
	t.fresh = append(t.fresh, fresh)
	return nil
}

func (t *top) insert(r *ranked) {
	heap.Push(&t.kept, r)
	if t.bytes += len(r.record); len(t.kept) > t.n {
		smallest := heap.Pop(&t.kept).(*ranked)
		t.bytes -= len(smallest.record)
		smallest.gone, smallest.record = true, nil
	}
}

// Finish implements nodes.Finisher.
func (t *top) Finish(c *nodes.Call) error {
	for _, k := range slices.SortedFunc(slices.Values(t.kept), before) {
		r, _, err := nodes.ReadRecord(k.record)
		if err != nil {
			return err
		}
		c.Emit(r)
	}
	return nil
}
