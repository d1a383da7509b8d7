package nodetest

import (
	"fmt"

	"sluice/nodes"
)

// RecordOf makes a record of a value as examples write it.
func RecordOf(v any) (nodes.Record, error) {
	switch v := v.(type) {
	case string:
		return nodes.TextRecord(v), nil
	case nodes.JSON:
		return nodes.JSONRecord([]byte(v)), nil
	case []byte:
		return nodes.BytesRecord(v), nil
	case bool:
		return nodes.BoolRecord(v), nil
	case int:
		return nodes.IntRecord(int64(v)), nil
	case int64:
		return nodes.IntRecord(v), nil
	case float64:
		return nodes.FloatRecord(v), nil
	}
	return nodes.Record{}, fmt.Errorf("an example can't hold a %T", v)
}

// equal compares two records by their encoding.
func equal(a, b nodes.Record) bool {
	return a.Type() == b.Type() && string(encode(a)) == string(encode(b))
}

func encode(r nodes.Record) []byte {
	b := nodes.Batch{Type: r.Type()}
	b.Append(r)
	return b.Encoded()
}

func show(r nodes.Record) string { return fmt.Sprintf("%s %q", r.Type(), nodes.AppendText(nil, r)) }

func compareRecords(t tester, where string, got, want []nodes.Record) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: record %d: got nothing, want %s", where, i, show(want[i]))
		case i >= len(want):
			t.Fatalf("%s: record %d: got %s, want nothing", where, i, show(got[i]))
		case !equal(got[i], want[i]):
			t.Fatalf("%s: record %d: got %s, want %s", where, i, show(got[i]), show(want[i]))
		}
	}
}
