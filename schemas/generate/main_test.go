package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/schemas"
)

// TestUpToDate: the files are what the catalogue makes, and nothing else.
func TestUpToDate(t *testing.T) {
	const mend = "run: go run ./schemas/generate"
	want := generate(all.Catalogue())
	for name, content := range want {
		if got, err := os.ReadFile(filepath.Join("..", name)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s is not up to date (%v); %s", name, err, mend)
		}
	}
	got, err := filepath.Glob("../kinds/*")
	if err != nil || len(got) != len(want)-1 {
		t.Errorf("got %d files of kinds, want %d (%v); %s", len(got), len(want)-1, err, mend)
	}
}

func TestEmbedded(t *testing.T) {
	if !json.Valid(schemas.Recipe()) {
		t.Error("the recipe's schema is not JSON")
	}
	if _, err := schemas.Kind("file_reader"); err != nil {
		t.Error(err)
	}
	if _, err := schemas.Kind("no_such_kind"); err == nil {
		t.Error("got a schema of a kind that does not exist")
	}
}

func TestWriteRemovesWhatIsGone(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, map[string][]byte{"recipe.schema.json": nil, "kinds/a.schema.json": nil}); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, map[string][]byte{"recipe.schema.json": nil, "kinds/b.schema.json": nil}); err != nil {
		t.Fatal(err)
	}
	got, _ := filepath.Glob(filepath.Join(dir, "kinds", "*"))
	if len(got) != 1 || filepath.Base(got[0]) != "b.schema.json" {
		t.Errorf("got %v, want b.schema.json alone", got)
	}
}

// TestSchemas holds documents to the schema with a validator of others.
func TestSchemas(t *testing.T) {
	schema := compileSchema(t)
	for _, row := range []struct {
		name, text string
		good       bool
	}{
		{"a recipe", `
recipe: failed-logins
description: what it is for
params: {log: {type: string, default: a.log}, n: {type: list<int>}}
defaults: {parallel: 4, overflow: block, retry: {attempts: 2}}
nodes:
  lines: {kind: file_reader, config: {path: "${log}"}}
  count: {kind: integer_generator, config: {count: "${n}"}}
  some: {kind: limit, from: {node: lines, capacity: 64, ttl: 1s}, config: {count: 3}, pool: a}
  pair: {kind: zip, from: {left: lines, right: [some, {node: count}]}}
  out: {kind: file_writer, from: [pair, some.out], config: {path: out}}
  sub: {kind: 'recipe:./sub.yaml', from: {in: lines}, params: {x: 1}}
tests:
  - {name: a, given: {lines: [a]}, expect: {out: [1, {a: b}]}}
ui: {x: 1}
`, true},
		{"open ports", "inputs: {in: {type: any}}\nnodes:\n  a: {kind: printer, from: inputs.in}\noutputs: {out: {from: [a]}}\n", true},
		{"left empty", "$schema: x\nparams:\ninputs: {in: }\ntests:\nnodes:\n  a: {kind: printer, from: inputs.in, config: , retry: {attempts: }, pool: }\n", true},
		{"open port of lists", "inputs: {in: {type: list<list<any>>}}\nnodes:\n  a: {kind: printer, from: inputs.in}\n", true},
		{"empty nodes", "nodes: {}\n", false},
		{"node named inputs", "nodes: {inputs: {kind: stdin}}\n", false},
		{"type left open", "params: {a: {type: list<int}}\nnodes: {a: {kind: stdin}}\n", false},
		{"type closed twice", "params: {a: {type: int>}}\nnodes: {a: {kind: stdin}}\n", false},
		{"parameter of any type", "params: {a: {type: list<any>}}\nnodes: {a: {kind: stdin}}\n", false},
		{"setting left empty", "nodes: {a: {kind: file_reader, config: }}\n", false},
		{"no nodes", "recipe: a\n", false},
		{"unknown field", "nodes: {a: {kind: printer, from: b, form: c}}\n", false},
		{"unknown kind", "nodes: {a: {kind: prnter, from: b}}\n", false},
		{"unknown setting", "nodes: {a: {kind: file_reader, config: {path: a, pth: b}}}\n", false},
		{"missing setting", "nodes: {a: {kind: file_reader}}\n", false},
		{"setting of the wrong type", "nodes: {a: {kind: limit, from: b, config: {count: many}}}\n", false},
		{"edge into a source", "nodes: {a: {kind: file_reader, from: b, config: {path: x}}}\n", false},
		{"input that is not wired", "nodes: {a: {kind: printer}}\n", false},
		{"unknown port", "nodes: {a: {kind: zip, from: {left: a, rigth: b}}}\n", false},
		{"bad capacity", "nodes: {a: {kind: printer, from: {node: b, capacity: 0}}}\n", false},
		{"bad name", "nodes: {A: {kind: printer, from: b}}\n", false},
		{"column of a sink", "nodes: {a: {kind: printer, from: b, field: c}}\n", false},
		{"config of a recipe", "nodes: {a: {kind: 'recipe:x', config: {}}}\n", false},
	} {
		v, faults := recipe.ParseValue(row.name, []byte(row.text))
		if faults != nil {
			t.Fatal(faults)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(v.AppendJSON(nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); (err == nil) != row.good {
			t.Errorf("%s: got %v, want it accepted: %v", row.name, err, row.good)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.Recipe()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("recipe.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("recipe.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
