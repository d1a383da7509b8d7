package flow

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"sluice/nodes"
	"sluice/recipe"
)

var topKind = nodes.Define(nodes.Spec{
	Kind:     "top",
	Category: "flow",
	Summary:  "Keeps the records with the largest numbers",
	Doc:      "When the input ends it emits them, largest first; of equal ones, the one that came first goes before. They may take 32 MiB together.",
	Role:     nodes.Ordered,
	In:       []nodes.Port{{Name: "in", Type: "T", JSONWith: "by", Doc: "json records by a field, or numbers"}},
	Where:    map[string]recipe.Type{"T": recipe.Number},
	Out:      []nodes.Port{{Name: "out", Type: "T", Doc: "the largest ones"}},
	AtEnd:    true,
	Examples: []nodes.Example{
		{
			Config: "{n: 2, by: count}",
			In:     []any{nodes.JSON(`{"key":"a","count":3}`), nodes.JSON(`{"key":"b","count":9}`), nodes.JSON(`{"key":"c","count":3}`)},
			Out:    []any{nodes.JSON(`{"key":"b","count":9}`), nodes.JSON(`{"key":"a","count":3}`)},
		},
		{Doc: "Of numbers", Config: "n: 3", In: []any{5, -1, 9223372036854775807, 9223372036854775806}, Out: []any{9223372036854775807, 9223372036854775806, 5}},
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
	kept  []ranked // largest first
	bytes int
	seen  uint64 // records that were taken
	told  uint64
}

// ranked is a record with its place: number, then arrival.
type ranked struct {
	number number
	seq    uint64
	record []byte // as nodes.AppendRecord writes it
}

// number compares integers exactly, and with floats as floats.
type number struct {
	i     int64
	f     float64
	isInt bool
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

func before(a, b ranked) int {
	var c int
	if a.number.isInt && b.number.isInt {
		c = cmp.Compare(b.number.i, a.number.i)
	} else {
		c = cmp.Compare(b.number.f, a.number.f)
	}
	if c == 0 {
		c = cmp.Compare(a.seq, b.seq)
	}
	return c
}

// Process implements nodes.Processor.
func (t *top) Process(_ *nodes.Call, r nodes.Record) error {
	x, err := t.numberOf(r)
	if err != nil {
		return err
	}
	fresh := ranked{number: x, seq: t.seen + 1}
	if len(t.kept) == t.n && before(fresh, t.kept[t.n-1]) > 0 {
		return nil
	}
	freed := 0
	if len(t.kept) == t.n {
		freed = len(t.kept[t.n-1].record)
	}
	if t.bytes-freed+r.Size() > maxTopBytes {
		return nodes.Permanentf("the %d largest records take more than %d MiB", t.n, maxTopBytes>>20)
	}
	t.seen++
	fresh.record = nodes.AppendRecord(nil, r)
	t.insert(fresh)
	return nil
}

func (t *top) insert(r ranked) {
	at, _ := slices.BinarySearchFunc(t.kept, r, before)
	t.kept = slices.Insert(t.kept, at, r)
	t.bytes += len(r.record)
	if len(t.kept) > t.n {
		t.bytes -= len(t.kept[t.n].record)
		t.kept = t.kept[:t.n]
	}
}

func (t *top) numberOf(r nodes.Record) (number, error) {
	switch {
	case t.by != nil && r.Type() == recipe.JSON:
		value := t.by.Value(r.Bytes())
		if value == nil {
			return number{}, nodes.Permanentf("the record has no field %s", t.by)
		}
		return parseNumber(t.by.String(), value)
	case r.Type() == recipe.Int:
		return number{r.Int(), float64(r.Int()), true}, nil
	case r.Type() == recipe.Float:
		return number{f: r.Float()}, nil
	case r.Type() == recipe.JSON:
		return parseNumber("the record", r.Bytes())
	}
	return number{}, nodes.Permanentf("the record is a %s; a number, or a json record with the field of the setting by, is wanted", r.Type())
}

func parseNumber(what string, text []byte) (number, error) {
	if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return number{i, float64(i), true}, nil
	}
	if c := text[0]; c == '-' || c >= '0' && c <= '9' {
		if f, err := strconv.ParseFloat(string(text), 64); err == nil {
			return number{f: f}, nil
		}
	}
	return number{}, nodes.Permanentf("%s is %.60s; a number is wanted", what, text)
}

// Finish implements nodes.Finisher.
func (t *top) Finish(c *nodes.Call) error {
	for _, k := range t.kept {
		r, _, err := nodes.ReadRecord(k.record)
		if err != nil {
			return err
		}
		c.Emit(r)
	}
	return nil
}

// AppendDelta implements nodes.Stateful: the records that were kept since and still are.
func (t *top) AppendDelta(b []byte) []byte { return t.appendSince(b, t.told) }

// AppendSnapshot implements nodes.Stateful.
func (t *top) AppendSnapshot(b []byte) []byte { return t.appendSince(b, 0) }

func (t *top) appendSince(b []byte, since uint64) []byte {
	b = binary.AppendUvarint(b, t.seen)
	if t.seen > since {
		for _, k := range t.kept {
			if k.seq > since {
				b = binary.AppendUvarint(b, k.seq)
				b = append(b, k.record...)
			}
		}
	}
	t.told = t.seen
	return b
}

// Restore implements nodes.Stateful.
func (t *top) Restore(snapshot []byte) error {
	t.kept, t.bytes, t.seen, t.told = nil, 0, 0, 0
	if len(snapshot) == 0 {
		return nil
	}
	return t.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (t *top) Apply(delta []byte) error {
	seen, n := binary.Uvarint(delta)
	if n <= 0 {
		return errState
	}
	for delta = delta[n:]; len(delta) > 0; {
		seq, n := binary.Uvarint(delta)
		if n <= 0 {
			return errState
		}
		r, rest, err := nodes.ReadRecord(delta[n:])
		if err != nil {
			return err
		}
		x, err := t.numberOf(r)
		if err != nil {
			return err
		}
		t.insert(ranked{x, seq, slices.Clone(delta[n : len(delta)-len(rest)])})
		delta = rest
	}
	t.seen, t.told = seen, seen
	return nil
}
