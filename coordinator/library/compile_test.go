package library_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/recipe"
)

func (d desk) plan(s library.Source, params map[string]any) *recipe.Plan {
	d.t.Helper()
	plan, found, err := d.Compile(d.ctx, s, params, 7)
	if err != nil || len(found) > 0 {
		d.t.Fatal(err, found)
	}
	return plan
}

func (d desk) saved(ref string) library.Source {
	d.t.Helper()
	s, err := d.Saved(d.ctx, ref)
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// steps lists what a plan runs and where it comes from.
func steps(p *recipe.Plan) string {
	var list []string
	for i := range p.Steps {
		list = append(list, fmt.Sprintf("%s %s %s", p.Steps[i].Node, p.Steps[i].Kind, p.Steps[i].File))
	}
	slices.Sort(list)
	return fmt.Sprint(p.Recipe, " ", list, " ", usesOf(p))
}

func usesOf(p *recipe.Plan) (all []string) {
	for _, s := range p.Saved {
		all = append(all, fmt.Sprintf("%s@%d %.4s", s.Name, s.Version, s.Digest))
	}
	return all
}

// TestNested compiles a saved recipe that includes others, and shows what latest means then.
func TestNested(t *testing.T) {
	d := alone(t)
	d.save("upper", upper)
	d.save("hashed", hashed)
	d.save("top", top)
	digest := func(ref string) string {
		doc, err := d.Show(d.ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		return ref + " " + doc.Digest[:4]
	}
	params := map[string]any{"n": json.Number("3")}
	const nodes = "[h/md5 md5_hash hashed@1 h/up/up to_uppercase upper@%d out printer  src string_generator ]"
	if got, want := steps(d.plan(d.saved("top"), params)), fmt.Sprintf("top "+nodes+" [%s %s]", 1, digest("hashed@1"), digest("upper@1")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d.save("upper", upper+"# 2\n")
	if got, want := steps(d.plan(d.saved("top@1"), params)), fmt.Sprintf("top "+nodes+" [%s %s]", 2, digest("hashed@1"), digest("upper@2")); got != want {
		t.Errorf("with a newer version: got  %s\nwant %s", got, want)
	}
	doc, err := d.Show(d.ctx, "top@latest")
	if err != nil || !slices.Equal(doc.Uses, []string{"hashed@1"}) || len(doc.Params) != 2 || !doc.Params[0].Required || doc.Params[0].Doc != "how many" ||
		string(doc.Params[1].Default) != `"x"` {
		t.Errorf("got %+v, %v", doc, err)
	}
	_, found, err := d.Compile(d.ctx, d.saved("top"), nil, 0)
	if err != nil || len(found) != 1 || found[0].Code != recipe.CodeNoParam || found[0].File != "top@1" {
		t.Errorf("without a value: got %v, %v", found, err)
	}
	summary, found, err := d.Check(d.ctx, d.saved("top"))
	if err != nil || found != nil || summary.String() != "sound: 4 steps, 3 edges" {
		t.Errorf("got %v, %v, %v", summary, found, err)
	}
	if text := d.plan(d.saved("top"), params).Text(); !strings.Contains(text, "\nmade of the saved recipe hashed@1\nmade of the saved recipe upper@2\n") {
		t.Errorf("the plan does not say what it is made of:\n%s", text)
	}
	if p := d.plan(d.saved("top"), map[string]any{"n": 3.0}); p.Seed != 7 || fmt.Sprintf("%s", p.Params["n"]) != "3" {
		t.Errorf("got the seed %d and the parameters %s", p.Seed, p.Params)
	}
}

// TestFilesSentAlong includes files that came with the document, also from saved recipes.
func TestFilesSentAlong(t *testing.T) {
	d := alone(t)
	const sub = "inputs: {in: {type: string}}\nnodes:\n  x: {kind: 'recipe:../b.yaml', from: inputs.in}\noutputs: {out: {from: x}}\n"
	const doc = "recipe: files\nnodes:\n  src: {kind: string_generator}\n  s: {kind: 'recipe:./parts/a.yaml', from: src}\n  out: {kind: printer, from: s}\n"
	files := []string{"parts/a.yaml", sub, "b.yaml", upper}
	source := sent(t, doc, files...)
	source.Label = "dir/r.yaml"
	if got, want := steps(d.plan(source, nil)), "files [out printer  s/x/up to_uppercase b.yaml src string_generator ] []"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d.save("files", doc, files...)
	if got, want := steps(d.plan(d.saved("files"), nil)), "files [out printer  s/x/up to_uppercase files@1/b.yaml src string_generator ] []"; got != want {
		t.Errorf("saved: got  %s\nwant %s", got, want)
	}
	lacking := func(ref string) string {
		_, found, err := d.Compile(d.ctx, sent(t, "nodes:\n  s: {kind: 'recipe:"+ref+"'}\n", "b.yaml", plain), nil, 0)
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		return found[0].String()
	}
	for ref, want := range map[string]string{
		"./c.yaml":    "the file was not sent along; send it with the recipe, or save it and write recipe:NAME",
		"../b.yaml":   "it lies outside the folder of recipe.yaml",
		"/etc/passwd": "it lies outside the folder of recipe.yaml",
		"file":        "no recipe is saved as file; did you mean files?",
		"files@9":     "the recipe files has no version 9; the latest is 1",
		"files@x":     `"x" is no version of the recipe files: write a number from 1, or latest`,
	} {
		if got, want := lacking(ref), "recipe.yaml:2:13: SL101: the recipe "+ref+" cannot be read: "+want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestCycles refuses a version by which saved recipes would include each other.
func TestCycles(t *testing.T) {
	d := alone(t)
	part := func(ref string) string {
		return "inputs: {in: {type: string}}\nnodes:\n  x: {kind: 'recipe:" + ref + "', from: inputs.in}\noutputs: {out: {from: x}}\n"
	}
	d.save("b", upper)
	d.save("a", part("b"))
	d.save("pinned", part("b@1"))
	_, _, err := d.Save(d.ctx, library.Saving{Name: "b", Source: sent(t, part("a"))})
	fault(t, "a circle", err, coordinator.Refused, "the recipe b has a fault\na@1:3:13: SL102: the recipe includes itself: b@2 → a@1 → b@2")
	_, _, err = d.Save(d.ctx, library.Saving{Name: "b", Source: sent(t, part("b@latest"))})
	fault(t, "itself", err, coordinator.Refused, "the recipe b has a fault\nrecipe.yaml:3:13: SL102: the recipe includes itself: b@2 → b@2")
	if n := d.save("b", part("pinned@latest")); n != 2 {
		t.Errorf("got version %d of what includes an older version of itself, want 2", n)
	}
	fault(t, "its older version", func() error { _, err := d.Delete(d.ctx, "b", 1, nil); return err }(), coordinator.Conflict,
		"version 1 of the recipe b can't be deleted: it is used by the recipe a@1, by way of b@2, by way of pinned@1")
}

// TestFrames compiles for servers that want other frames than usual.
func TestFrames(t *testing.T) {
	for _, want := range []recipe.FrameLimits{{}, {Records: 512, Bytes: 64 << 10}} {
		d := alone(t, func(c *library.Config) { c.Frame = want })
		plan, found, err := d.Compile(d.ctx, sent(t, "recipe: r\nnodes:\n  a: {kind: integer_generator, config: {count: 1}}\n  b: {kind: printer, from: a}\n"), nil, 1)
		if err != nil || len(found) > 0 {
			t.Fatal(found, err)
		}
		if want.Records == 0 {
			want = recipe.FrameLimits{Records: recipe.FrameRecords, Bytes: recipe.FrameBytes}
		}
		if plan.Frame != want {
			t.Errorf("got frames of %+v, want %+v", plan.Frame, want)
		}
	}
}
