package dead

import (
	"encoding/json"
	"math"
	"testing"

	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// TestRecordOf makes records of letters of every type, in the forms that workers write.
func TestRecordOf(t *testing.T) {
	for _, row := range []struct {
		typ    recipe.Type
		record string
		raw    []byte
		want   string // in the text form
	}{
		{"bool", `true`, nil, "true"},
		{"int", `-9223372036854775808`, nil, "-9223372036854775808"},
		{"float", `"0.1"`, nil, "0.1"},
		{"float", `"+Inf"`, nil, "+Inf"},
		{"string", `"a\u001b\"é"`, nil, "a\x1b\"é"},
		{"string", ``, []byte("\xff\x00"), "\xff\x00"},
		{"bytes", `"plain"`, nil, "plain"},
		{"bytes", ``, []byte{0xfe}, "\xfe"},
		{"json", `{"b":1,"a":12345678901234567890}`, nil, `{"b":1,"a":12345678901234567890}`},
		{"list<int>", `"[1,2]"`, nil, "[1,2]"},
	} {
		l := &bus.DeadLetter{Type: row.typ, Record: json.RawMessage(row.record), Raw: row.raw}
		r, err := recordOf(l)
		if err != nil {
			t.Errorf("%s %s: %v", row.typ, row.record, err)
			continue
		}
		if got := string(nodes.AppendText(nil, r)); got != row.want || r.Type() != row.typ {
			t.Errorf("%s %s: got %s %q, want %q", row.typ, row.record, r.Type(), got, row.want)
		}
	}
	if r, err := recordOf(&bus.DeadLetter{Type: "float", Record: json.RawMessage(`"NaN"`)}); err != nil || !math.IsNaN(r.Float()) {
		t.Errorf("got %v, %v for NaN", r.Float(), err)
	}
	for _, l := range []bus.DeadLetter{{Type: "int", Record: json.RawMessage(`"x"`)}, {Type: "string", Record: json.RawMessage(`7`)}} {
		if _, err := recordOf(&l); err == nil {
			t.Errorf("%s: got no error for %s", l.Type, l.Record)
		}
	}
}
