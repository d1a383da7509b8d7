package math

import (
	"encoding/binary"
	"math"
	"math/bits"

	"sluice/nodes"
	"sluice/recipe"
)

var pairwiseProductKind = nodes.Define(nodes.Spec{
	Kind:     "pairwise_product",
	Category: "math",
	Summary:  "Multiplies each value by the one before it",
	Doc:      "The first value is multiplied by 1. A value whose product passes 64 bit is given up; the next one is multiplied by it all the same.",
	Role:     nodes.Ordered,
	In:       []nodes.Port{{Name: "in", Type: "N", Doc: "numbers"}},
	Out:      []nodes.Port{{Name: "out", Type: "N", Doc: "one product per value"}},
	Where:    map[string]recipe.Type{"N": recipe.Number},
	Examples: []nodes.Example{
		{In: []any{1, 2, 3, 4, 5}, Out: []any{1, 2, 6, 12, 20}},
		{In: []any{0.5, 4.0, -1.5}, Out: []any{0.5, 2.0, -6.0}},
		{Doc: "Overflow is an error, never negative", In: []any{9223372036854775807, -9223372036854775808, 5, 7}, Out: []any{9223372036854775807, 35}, Dead: []string{"passes 64 bit", "passes 64 bit"}},
		{Doc: "So is that of floats", In: []any{1e200, 1e200, 2.0, 3.0}, Out: []any{1e200, 2e200, 6.0}, Dead: []string{"passes 64 bit"}},
		{
			Doc: "Of a field", Field: "n", Into: "p",
			In:  []any{nodes.JSON(`{"n":3}`), nodes.JSON(`{"n":3002399751580331}`), nodes.JSON(`{"n":0.5}`), nodes.JSON(`{"n":4}`)},
			Out: []any{nodes.JSON(`{"n":3,"p":3}`), nodes.JSON(`{"n":3002399751580331,"p":9007199254740993}`), nodes.JSON(`{"n":0.5,"p":1501199875790165.5}`), nodes.JSON(`{"n":4,"p":2}`)},
		},
	},
}, newPairwiseProduct)

type noConfig struct{}

type pairwiseProduct struct {
	last nodes.Record // no type before the first value
}

func newPairwiseProduct(noConfig, *nodes.Env) (any, error) { return &pairwiseProduct{}, nil }

// Process implements nodes.Processor.
func (p *pairwiseProduct) Process(c *nodes.Call, r nodes.Record) error {
	last := p.last
	p.last = r // also where the product fails, which is permanent: one is given up, not all that follow
	if last.Type() == "" {
		c.Emit(r)
		return nil
	}
	product, fits := multiply(last, r)
	if !fits {
		return nodes.Permanentf("the product of %s and %s passes 64 bit", nodes.AppendText(nil, last), nodes.AppendText(nil, r))
	}
	c.Emit(product)
	return nil
}

func multiply(a, b nodes.Record) (nodes.Record, bool) {
	if a.Type() == recipe.Float || b.Type() == recipe.Float { // in a column each value says what it is
		x := floatOf(a) * floatOf(b)
		return nodes.FloatRecord(x), !math.IsInf(x, 0)
	}
	x, y := a.Int(), b.Int()
	hi, lo := bits.Mul64(magnitude(x), magnitude(y))
	limit := uint64(math.MaxInt64)
	if x < 0 != (y < 0) {
		limit++
	}
	return nodes.IntRecord(x * y), hi == 0 && lo <= limit
}

func floatOf(r nodes.Record) float64 {
	if r.Type() == recipe.Float {
		return r.Float()
	}
	return float64(r.Int())
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// AppendSnapshot implements nodes.Stateful: the state is the last value.
func (p *pairwiseProduct) AppendSnapshot(b []byte) []byte {
	switch p.last.Type() {
	case recipe.Int:
		return binary.AppendVarint(append(b, 'i'), p.last.Int())
	case recipe.Float:
		return binary.LittleEndian.AppendUint64(append(b, 'f'), math.Float64bits(p.last.Float()))
	}
	return b
}

// AppendDelta implements nodes.Stateful.
func (p *pairwiseProduct) AppendDelta(b []byte) []byte { return p.AppendSnapshot(b) }

// Restore implements nodes.Stateful.
func (p *pairwiseProduct) Restore(snapshot []byte) error {
	p.last = nodes.Record{}
	return p.Apply(snapshot)
}

// Apply implements nodes.Stateful.
func (p *pairwiseProduct) Apply(delta []byte) error {
	switch {
	case len(delta) == 0:
		return nil
	case delta[0] == 'i':
		v, n := binary.Varint(delta[1:])
		if n <= 0 {
			return errState
		}
		p.last = nodes.IntRecord(v)
	case delta[0] == 'f' && len(delta) == 9:
		p.last = nodes.FloatRecord(math.Float64frombits(binary.LittleEndian.Uint64(delta[1:])))
	default:
		return errState
	}
	return nil
}
