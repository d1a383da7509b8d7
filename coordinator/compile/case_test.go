package compile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/coordinator/compile"
	"sluice/nodes"
	"sluice/recipe"
)

// TestCases shows the plans of tests blocks.
func TestCases(t *testing.T) {
	for _, a := range archives(t, "cases") {
		t.Run(strings.TrimSuffix(filepath.Base(a.name), ".txtar"), func(t *testing.T) {
			text, _ := a.file("recipe.yaml")
			cases, ds := compile.Cases("recipe.yaml", []byte(text), a.options(catalogue(t)))
			if ds != nil {
				t.Fatal(ds)
			}
			var b strings.Builder
			for _, c := range cases {
				fmt.Fprintf(&b, "=== %s\n%s", c.Name, c.Plan.Text())
				for _, e := range c.Expect {
					fmt.Fprintf(&b, "expect %s: %s\n", e.At, strings.Join(e.Records, " "))
				}
			}
			a.check(t, "cases", b.String())
		})
	}
}

func TestCasesRefusesFaults(t *testing.T) {
	_, ds := compile.Cases("r.yaml", []byte("nodes:\n  a: {kind: nothing}\ntests:\n  - {name: x, expect: {a: []}}\n"), compile.Options{Catalogue: catalogue(t)})
	if len(ds) != 1 || ds[0].Code != recipe.CodeKind {
		t.Errorf("got %v, want one %s", ds, recipe.CodeKind)
	}
}

// TestTestKinds sends records of every type through given and collect.
func TestTestKinds(t *testing.T) {
	var got compile.Collector
	kinds := compile.TestKinds(&got)
	for _, row := range []struct {
		typ        recipe.Type
		give, want string
	}{
		{"bool", `true`, `true`},
		{"int", `-9223372036854775808`, `-9223372036854775808`},
		{"float", `2`, `2`},
		{"float", `0.1`, `0.1`},
		{"string", `"a\u00e9"`, `"aé"`},
		{"bytes", `"raw"`, `"raw"`},
		{"json", `{"b": 1, "a": 12345678901234567890}`, `{"a":12345678901234567890,"b":1}`},
		{"list<int>", `[1, 2]`, `[1,2]`},
	} {
		node, err := kinds[0].Build([]byte(fmt.Sprintf(`{"type":%q,"records":[%s]}`, row.typ, row.give)), &nodes.Env{})
		if err != nil {
			t.Fatal(err)
		}
		sink, err := kinds[1].Build([]byte(`{"at":"x"}`), &nodes.Env{})
		if err != nil {
			t.Fatal(err)
		}
		call := nodes.NewCall([]recipe.PortType{{Name: "out", Type: row.typ}})
		read(t, node.(nodes.Source), call)
		cur := call.Out(0).Cursor()
		for r, ok := cur.Next(); ok; r, ok = cur.Next() {
			if err := sink.(nodes.Processor).Process(call, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := sink.(nodes.Sealer).Seal(context.Background()); err != nil {
			t.Fatal(err)
		}
		if want := []string{row.want}; !slices.Equal(got.Records("x"), want) {
			t.Errorf("%s %s: got %q, want %q", row.typ, row.give, got.Records("x"), want)
		}
	}
}

func read(t *testing.T, s nodes.Source, call *nodes.Call) {
	t.Helper()
	ctx := context.Background()
	call.Begin(ctx, [2]uint64{})
	splits, err := s.Splits(ctx)
	if err != nil || len(splits) != 1 {
		t.Fatalf("got %d splits, %v", len(splits), err)
	}
	r, err := s.Open(ctx, splits[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = r.Read(call)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

// TestCasesOfParts: a test of a part gives the records of the open ports that it needs.
func TestCasesOfParts(t *testing.T) {
	for _, row := range []struct{ inputs, test, want string }{
		{"{in: {type: string}}", "{name: x, expect: {a: []}}", "recipe.yaml:5:5: SL009: the test x gives no records for the open port in; add given: {in: …}"},
		{"{in: {}}", "{name: x, given: {in: [1]}, expect: {a: []}}", "recipe.yaml:5:23: SL213: the open port in takes several types, so a test cannot give its records; name a node below it"},
		{"{in: {type: string}}", "{name: x, given: {in: [1]}, expect: {a: []}}", "recipe.yaml:5:28: SL303: a record of in is a whole number, but the type there is string"},
	} {
		text := "inputs: " + row.inputs + "\nnodes:\n  a: {kind: to_string, from: inputs.in}\ntests:\n  - " + row.test + "\n"
		if _, ds := compile.Cases("recipe.yaml", []byte(text), compile.Options{Catalogue: catalogue(t)}); ds.Error() != row.want {
			t.Errorf("%s with inputs %s\ngot\n%v\nwant\n%s", row.test, row.inputs, ds, row.want)
		}
	}
}

func TestCasesReportOnce(t *testing.T) {
	text := "nodes:\n  a: {kind: string_generator}\ntests:\n  - {name: x, params: {b: 1}, expect: {a: []}}\n"
	_, ds := compile.Cases("r.yaml", []byte(text), compile.Options{Catalogue: catalogue(t)})
	if len(ds) != 1 || ds[0].Code != recipe.CodeUnused {
		t.Errorf("got %v, want one %s", ds, recipe.CodeUnused)
	}
}

// TestCasesNameTheTest: what a test leaves out is told at the test, not as what run would be given.
func TestCasesNameTheTest(t *testing.T) {
	text := "params:\n  n: {type: int}\nnodes:\n  a: {kind: string_generator}\ntests:\n  - {name: x, params: {n: 1}, expect: {a: []}}\n  - {name: y, expect: {a: []}}\n"
	want := "r.yaml:7:5: SL112: the parameter n has no default and the test y gives no value; add params: {n: …} to the test"
	if _, ds := compile.Cases("r.yaml", []byte(text), compile.Options{Catalogue: catalogue(t)}); ds.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", ds, want)
	}
}

// TestCasesPlaceValues: a value of a wrong type is told where the test gives it.
func TestCasesPlaceValues(t *testing.T) {
	text := "params:\n  n: {type: int}\nnodes:\n  a: {kind: string_generator}\ntests:\n  - {name: x, params: {n: one}, expect: {a: []}}\n"
	want := "r.yaml:6:27: SL113: the parameter n has type int, not a text"
	if _, ds := compile.Cases("r.yaml", []byte(text), compile.Options{Catalogue: catalogue(t)}); ds.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", ds, want)
	}
}
