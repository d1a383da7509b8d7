package data

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzTable reads tables to look up in: what is found is JSON, and nothing panics.
func FuzzTable(f *testing.F) {
	f.Add([]byte("key,a\nx,1\n\"y\nz\",2\n"), "key", false)
	f.Add([]byte("key\ta\nx\t\"1\n"), "key", false)
	f.Add([]byte("{\"key\":\"x\",\"a\":1}\n{\"key\":2}\n"), "key", true)
	f.Fuzz(func(t *testing.T, text []byte, column string, lines bool) {
		table := &table{rows: map[string]extent{}}
		var err error
		if lines {
			err = table.readJSON(bytes.NewReader(text), column)
		} else {
			err = table.readCSV(bytes.NewReader(text), column, ',')
		}
		if err != nil {
			return
		}
		for key := range table.rows {
			if row, ok := table.find([]byte(key)); !ok || !json.Valid(row) {
				t.Errorf("the row of %q is %q, want JSON", key, row)
			}
		}
	})
}
