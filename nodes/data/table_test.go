package data

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/nodes"
)

func TestSplitterReadsWhatCSVWrites(t *testing.T) {
	field := rapid.StringOf(rapid.SampledFrom([]rune{'a', ',', '"', ' ', 'é', ';', '\t', '\n'}))
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(field, 1, 5).Draw(t, "fields")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		s, err := newSplitter(",")
		if err != nil {
			t.Fatal(err)
		}
		fields, next, err := s.row(b.Bytes(), 0)
		var got []string
		for _, f := range fields {
			got = append(got, string(f))
		}
		if err != nil || next != b.Len() || !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, %v, want %q", b.String(), got, err, want)
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,\"b\"\"c\",d"), ",")
	f.Add([]byte("\"a;b"), ";")
	f.Fuzz(func(t *testing.T, line []byte, separator string) {
		s, err := newSplitter(separator)
		if err != nil {
			t.Skip()
		}
		fields, _, err := s.row(line, 0)
		if err != nil && !nodes.IsPermanent(err) {
			t.Errorf("%q: %v may not be tried again", line, err)
		}
		if _, err := appendRow(nil, nil, fields); err != nil && !nodes.IsPermanent(err) {
			t.Errorf("%q: %v may not be tried again", line, err)
		}
	})
}

func TestTablesAreConfinedAndBounded(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	big, err := os.Create(filepath.Join(dir, "big.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := big.Truncate(maxTableBytes + 1); err != nil {
		t.Fatal(err)
	}
	big.Close()
	for name, text := range map[string]string{
		"quote.csv": "a,b\n\"1,2\n", "short.csv": "a,b\n1\n", "list.json": "[1]\n", "broken.jsonl": "{\"a\":}\n", "empty.csv": "",
		"long.jsonl": `{"a":"` + strings.Repeat("x", maxTableLine) + "\"}\n", "nokey.jsonl": `{"b":1}`, "latin.csv": "a\n\xff\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"big.csv": "may have", "quote.csv": "quote", "short.csv": "number of fields", "list.json": "want an object", "broken.jsonl": "line 1",
		"empty.csv": "empty", "long.jsonl": "more than", "nokey.jsonl": "no field a", "latin.csv": "UTF-8", "../x.csv": "outside", "missing.csv": "missing.csv",
	} {
		_, err := loadTable(&nodes.Env{Root: root}, name, "a")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, want)
		}
	}
	if _, err := loadTable(&nodes.Env{}, "big.csv", "a"); !nodes.IsPermanent(err) {
		t.Errorf("without a root: got %v, want a permanent error", err)
	}
}

func TestInstancesShareATable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "t.csv"), []byte("k,v\n1,2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	env := &nodes.Env{Root: root, Shared: &nodes.Shared{}}
	var tables [2]*table
	for i := range tables {
		l, err := newLookup(lookupConfig{Path: "t.csv", Key: "k"}, env)
		if err != nil {
			t.Fatal(err)
		}
		tables[i] = l.(*lookup).table
	}
	if tables[0] != tables[1] {
		t.Error("two instances of one step loaded the table twice")
	}
}

// TestATableFaultIsTheNodes: no instance can be made, and a table that is wrong is read once.
func TestATableFaultIsTheNodes(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	env := &nodes.Env{Root: root, Shared: &nodes.Shared{}}
	config := []byte(`{"path":"t.csv","key":"k"}`)
	if _, err := Lookup.Build(config, env); err == nil || nodes.IsPermanent(err) || !strings.Contains(err.Error(), "the table t.csv: no such file") {
		t.Errorf("missing: got %v", err)
	}
	if _, err := Lookup.Build(config, &nodes.Env{Checking: true}); err != nil {
		t.Errorf("checked: got %v", err)
	}
	for _, text := range []string{"k,v\n1,2\n3\n", "k,v\n1,2\n"} {
		if err := os.WriteFile(filepath.Join(dir, "t.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Lookup.Build(config, env); err == nil || !strings.Contains(err.Error(), "the table t.csv: record on line 3") {
			t.Errorf("a bad row: got %v", err)
		}
	}
}
