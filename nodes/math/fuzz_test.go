package math

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"sluice/nodes"
	"sluice/recipe"
)

// A text is the number that its digits say, or a dead letter for good.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "-9223372036854775808", "9223372036854775808", "+1", "1_000", "0x10", " 1", "1e400", "NaN", "-inf", "1.5e-3", "\xff"} {
		f.Add([]byte(s))
	}
	number := func(t *testing.T, k nodes.Kind, text []byte) (nodes.Record, bool) {
		p, err := k.Build([]byte(`{}`), &nodes.Env{})
		if err != nil {
			t.Fatal(err)
		}
		c := nodes.NewCall([]recipe.PortType{{Name: "out", Type: k.Out[0].Type}})
		c.Begin(context.Background(), [2]uint64{})
		if err := p.(nodes.Processor).Process(c, nodes.StringRecord(text)); err != nil {
			if !nodes.IsPermanent(err) {
				t.Errorf("%s of %q: %v may not be tried again", k.Kind, text, err)
			}
			return nodes.Record{}, false
		}
		cur := c.Out(0).Cursor()
		return cur.Next()
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, ok := number(t, parseIntKind, text); ok {
			digits := strings.TrimLeft(strings.TrimLeft(string(text), "+-"), "0")
			if got := strings.TrimLeft(strconv.FormatInt(r.Int(), 10), "-"); got != digits && (got != "0" || digits != "") {
				t.Errorf("%q became %d", text, r.Int())
			}
		}
		if r, ok := number(t, parseFloatKind, text); ok {
			if got, err := strconv.ParseFloat(string(nodes.AppendText(nil, r)), 64); err != nil || got != r.Float() {
				t.Errorf("%q became %v, whose text is %v (%v)", text, r.Float(), got, err)
			}
		}
	})
}
