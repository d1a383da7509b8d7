package math

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sluice/nodes"
	"sluice/nodes/nodetest"
	"sluice/recipe"
)

var edge = []int64{0, 1, -1, 7, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 62, -1 << 62, 3037000500}

func anyInt(t *rapid.T) int64 {
	return rapid.OneOf(rapid.SampledFrom(edge), rapid.Int64(), rapid.Int64Range(-9, 9)).Draw(t, "v")
}

func run(t *rapid.T, k nodes.Kind, config string, in []nodes.Record, out recipe.Type, crash bool) *nodetest.Result {
	typ := in[0].Type()
	got, err := nodetest.Run(nodetest.Case{
		Kind: &k, Config: config, Crash: crash, Frame: 2, Ins: map[string][]nodes.Record{"in": in},
		Types: nodes.PortTypes{In: []recipe.PortType{{Name: "in", Type: typ}}, Out: []recipe.PortType{{Name: "out", Type: out}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestIntegersAgainstBig holds sum, average and product to exact arithmetic: values
// whose answer does not fit are given up, and count for the next answers like any other.
func TestIntegersAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "n")
		values := rapid.SliceOfN(rapid.Custom(anyInt), 1, 20).Draw(t, "values")
		in := make([]nodes.Record, len(values))
		for i, v := range values {
			in[i] = nodes.IntRecord(v)
		}
		config := "values_to_keep: " + string(rune('0'+n))
		crash := rapid.Bool().Draw(t, "crash")
		for _, c := range []struct {
			kind nodes.Kind
			text string
			want []int64
		}{
			{rollingSumKind, config, bigRolling(values, n, false)},
			{rollingAverageKind, config, bigRolling(values, n, true)},
			{pairwiseProductKind, "", bigProducts(values)},
		} {
			got := run(t, c.kind, c.text, in, recipe.Int, crash)
			out := got.Outs["out"]
			if len(out) != len(c.want) {
				t.Fatalf("%s: got %d answers, want %d", c.kind.Kind, len(out), len(c.want))
			}
			for i := range out {
				if out[i].Int() != c.want[i] {
					t.Fatalf("%s: answer %d: got %d, want %d", c.kind.Kind, i, out[i].Int(), c.want[i])
				}
			}
		}
	})
}

func bigRolling(values []int64, n int, mean bool) (want []int64) {
	for i := n; i <= len(values); i++ {
		sum := new(big.Int)
		for _, x := range values[i-n : i] {
			sum.Add(sum, big.NewInt(x))
		}
		if mean {
			sum.Quo(sum, big.NewInt(int64(n)))
		}
		if sum.IsInt64() {
			want = append(want, sum.Int64())
		}
	}
	return want
}

func bigProducts(values []int64) (want []int64) {
	last := int64(1)
	for _, v := range values {
		p := new(big.Int).Mul(big.NewInt(last), big.NewInt(v))
		if p.IsInt64() {
			want = append(want, p.Int64())
		}
		last = v
	}
	return want
}

// TestFloatSumsGoOn: sums that pass 64 bit are given up, alone, and a crash changes nothing.
func TestFloatSumsGoOn(t *testing.T) {
	const most = math.MaxFloat64
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom([]float64{most, -most, most / 2, 1, 2}), 1, 30).Draw(t, "values")
		in := make([]nodes.Record, len(values))
		var want []float64
		for i, v := range values {
			in[i] = nodes.FloatRecord(v)
			if i > 0 && !math.IsInf(values[i-1]+v, 0) {
				want = append(want, values[i-1]+v)
			}
		}
		for _, crash := range []bool{false, true} {
			got := run(t, rollingSumKind, "values_to_keep: 2", in, recipe.Float, crash)
			out := got.Outs["out"]
			if len(out) != len(want) || len(got.Dead) != len(values)-1-len(want) {
				t.Fatalf("crash %v: got %d sums and %d dead of %v, want %v", crash, len(out), len(got.Dead), values, want)
			}
			for i := range out {
				if out[i].Float() != want[i] {
					t.Fatalf("crash %v: sum %d: got %v, want %v", crash, i, out[i].Float(), want[i])
				}
			}
		}
	})
}

// TestFloatSumsAreClose compares with exact sums; what left the window leaves no error
// behind, however large it was.
func TestFloatSumsAreClose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-100, 100), rapid.SampledFrom([]float64{1e16, -1e16, 1e300, 0.1})), 1, 30).Draw(t, "values")
		in := make([]nodes.Record, len(values))
		for i, v := range values {
			in[i] = nodes.FloatRecord(v)
		}
		config := "values_to_keep: " + string(rune('0'+n))
		a := run(t, rollingSumKind, config, in, recipe.Float, false).Outs["out"]
		b := run(t, rollingSumKind, config, in, recipe.Float, true).Outs["out"]
		if len(a) != max(0, len(values)-n+1) || len(b) != len(a) {
			t.Fatalf("got %d and %d answers of %d values", len(a), len(b), len(values))
		}
		for i := range a {
			sum, scale := new(big.Float).SetPrec(2000), 0.0
			for _, v := range values[i : i+n] {
				sum.Add(sum, big.NewFloat(v))
				scale = max(scale, math.Abs(v))
			}
			want, _ := sum.Float64()
			if math.Abs(a[i].Float()-want) > scale*1e-14 {
				t.Fatalf("answer %d: got %v, want %v", i, a[i].Float(), want)
			}
			if math.Float64bits(a[i].Float()) != math.Float64bits(b[i].Float()) {
				t.Fatalf("answer %d: %v, but %v with crashes", i, a[i].Float(), b[i].Float())
			}
		}
	})
}

func TestFloatAverageOfIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyInt(t), anyInt(t)
		in := []nodes.Record{nodes.IntRecord(a), nodes.IntRecord(b)}
		got := run(t, rollingAverageKind, "{values_to_keep: 2, float: true}", in, recipe.Float, false).Outs["out"][0].Float()
		exact := new(big.Float).SetPrec(200).Add(new(big.Float).SetInt64(a), new(big.Float).SetPrec(200).SetInt64(b))
		want, _ := exact.Quo(exact, big.NewFloat(2)).Float64()
		if math.Abs(got-want) > math.Abs(want)*1e-15 {
			t.Fatalf("average of %d and %d: got %v, want %v", a, b, got, want)
		}
	})
}

func TestRefusedSettings(t *testing.T) {
	for _, k := range []nodes.Kind{andKind, orKind, xorKind, rollingSumKind, rollingAverageKind} {
		for _, config := range []string{`{}`, `{"values_to_keep":0}`, `{"values_to_keep":-1}`, `{"values_to_keep":1000001}`} {
			if _, faults := k.CheckConfig([]byte(config)); len(faults) != 1 {
				t.Errorf("%s took %s", k.Kind, config)
			}
		}
	}
}

func TestMalformedStatesAreRefused(t *testing.T) {
	for _, k := range []nodes.Kind{andKind, rollingSumKind, pairwiseProductKind} {
		config := `{"values_to_keep":2}`
		if k.Kind == "pairwise_product" {
			config = `{}`
		}
		node, err := k.Build([]byte(config), &nodes.Env{})
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range []string{"\xff", "\x09\x09", "\x02\x01"} {
			if err := node.(nodes.Stateful).Restore([]byte(state)); err == nil {
				t.Errorf("%s took the state %q", k.Kind, state)
			}
		}
	}
}
