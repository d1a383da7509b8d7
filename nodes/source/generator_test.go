package source

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

func TestDiceAreFair(t *testing.T) {
	var counts [403]int
	const n = 403 * 1000
	for i := range n {
		d := diceOf(42, uint64(i))
		counts[d.below(403)]++
	}
	chi := 0.0
	for _, c := range counts {
		chi += float64(c-1000) * float64(c-1000) / 1000
	}
	// 402 degrees of freedom: 5 standard deviations are about 142.
	if math.Abs(chi-402) > 142 {
		t.Errorf("chi square of %d throws is %.0f, want about 402", n, chi)
	}
	d := diceOf(1, 1)
	if big := uint64(1)<<63 + 1; d.below(big) >= big {
		t.Error("out of range")
	}
}

func TestAlphabetIsWhole(t *testing.T) {
	node, err := stringGeneratorKind.Build([]byte(`{"count":500,"seed":3}`), &nodes.Env{})
	if err != nil {
		t.Fatal(err)
	}
	c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: recipe.String}})
	src := node.(nodes.Source)
	splits, _ := src.Splits(context.Background())
	r, _ := src.Open(context.Background(), splits[0], 0)
	for r.Read(c) != io.EOF {
	}
	all := string(c.Out(0).Encoded())
	for _, letter := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" {
		if !strings.ContainsRune(all, letter) {
			t.Errorf("%c was never made", letter)
		}
	}
}

func TestGeneratorSplits(t *testing.T) {
	count := int64(rangeRecords*2 + 5)
	g := &generated{count: &count, emit: func(*nodes.Call, uint64) {}}
	splits, _ := g.Splits(context.Background())
	want := fmt.Sprintf(`{"from":%d,"count":5}`, rangeRecords*2)
	if len(splits) != 3 || string(splits[2]) != want {
		t.Errorf("got %s, want 3 with %s", splits, want)
	}
	zero := int64(0)
	if splits, _ := (&generated{count: &zero}).Splits(context.Background()); len(splits) != 0 {
		t.Errorf("none wanted: got %s", splits)
	}
}

func TestGeneratorsDiffer(t *testing.T) {
	a, b := seedOf(nil, &nodes.Env{Seed: 1, Node: "a"}), seedOf(nil, &nodes.Env{Seed: 1, Node: "b"})
	own := uint64(7)
	if a == b || seedOf(&own, &nodes.Env{Seed: 1}) != 7 {
		t.Errorf("got %d and %d", a, b)
	}
	if _, err := integerGeneratorKind.Build([]byte(`{"min":3,"max":2}`), &nodes.Env{}); err == nil {
		t.Error("min beyond max: got no error")
	}
}
