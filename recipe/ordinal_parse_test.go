package recipe

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParseOrdinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Parts
		for range rapid.IntRange(0, 4).Draw(t, "levels") {
			p = p.Append(rapid.IntRange(0, MaxParts-1).Draw(t, "part"), rapid.Bool().Draw(t, "last"))
		}
		want := Ordinal{Split: rapid.Uint32().Draw(t, "split"), N: rapid.Uint64().Draw(t, "n"), Lane: rapid.Uint16().Draw(t, "lane"), Path: p.Path()}
		got, err := ParseOrdinal(want.String())
		if err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
	for _, s := range []string{"", "1", "1-2", "1-2-3_", "1-2-3_x", "1-2-70000", "01-2-3", "1-2-3x", "1-2-3_0"} {
		if o, err := ParseOrdinal(s); err == nil && o.String() != s {
			t.Errorf("%q: got %+v, want an error", s, o)
		}
	}
}
