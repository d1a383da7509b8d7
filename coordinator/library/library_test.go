package library_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/internal/bus/bustest"
)

// TestVersions saves a recipe again and again by two coordinators.
func TestVersions(t *testing.T) {
	server := bustest.Server(t)
	a, b := open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server))
	for i, text := range []string{plain, plain + "# 2\n", plain} {
		if got := a.save("r", text); got != i+1 {
			t.Errorf("got version %d, want %d", got, i+1)
		}
	}
	v, again, err := b.Save(b.ctx, library.Saving{Name: "r", Source: sent(t, plain), By: "bob", Expect: new(int)})
	if err != nil || !again || v.Version != 3 || v.By != "ann" {
		t.Errorf("the same text: got %+v, %v, %v; want version 3 by ann again", v, again, err)
	}
	expect := func(n int, text string) error {
		_, _, err := b.Save(b.ctx, library.Saving{Name: "r", Source: sent(t, text), By: "bob", Expect: &n})
		return err
	}
	fault(t, "an old version expected", expect(2, plain+"# x\n"), coordinator.Changed, "the recipe r was changed meanwhile: its latest version is 3, and 2 was expected")
	fault(t, "none expected", expect(0, plain+"# x\n"), coordinator.Changed, "the recipe r exists: its latest version is 3, and none was expected")
	if err := expect(3, plain+"# x\n"); err != nil {
		t.Error(err)
	}
	doc, err := b.Show(b.ctx, "r@2")
	if err != nil || doc.Source != plain+"# 2\n" || doc.By != "ann" || !doc.At.Equal(noon) || len(doc.Digest) != 64 {
		t.Errorf("got %+v, %v", doc, err)
	}
	versions, next, err := b.Versions(b.ctx, "r", 0, 3)
	if err != nil || next != 2 || len(versions) != 3 || versions[0].Version != 4 {
		t.Errorf("got %v, next %d, %v", versions, next, err)
	}
	if versions, next, _ = b.Versions(b.ctx, "r", next, 3); next != 0 || len(versions) != 1 || versions[0].Version != 1 {
		t.Errorf("got %v, next %d", versions, next)
	}
	if doc, err := a.Show(a.ctx, "r"); err != nil || doc.Version != 4 {
		t.Errorf("the other coordinator: got %+v, %v, want the latest version at once", doc, err)
	}
	bustest.Eventually(t, "the other lists the latest version", func() bool {
		page, err := a.List(library.Listing{})
		return err == nil && page.Recipes[0].Latest.Version == 4
	})
}

// TestSaveAtOnce lets many save at once: each has a number of its own, and its own text.
func TestSaveAtOnce(t *testing.T) {
	server := bustest.Server(t)
	desks := []desk{open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server))}
	const each = 10
	type saved struct {
		v    coordinator.RecipeVersion
		text string
		err  error
	}
	done := make(chan saved)
	for i := range 2 * each {
		source := sent(t, fmt.Sprintf("%s# %d\n", plain, i))
		go func() {
			d := desks[i%2]
			v, _, err := d.Save(d.ctx, library.Saving{Name: "r", Source: source})
			done <- saved{v, source.Text, err}
		}()
	}
	texts := map[int]string{}
	for range 2 * each {
		s := <-done
		if s.err != nil {
			t.Error(s.err)
		}
		texts[s.v.Version] = s.text
	}
	fresh := open(t, bustest.Connect(t, server))
	for n := 1; n <= 2*each; n++ {
		doc, err := fresh.Show(fresh.ctx, fmt.Sprint("r@", n))
		if err != nil || doc.Source != texts[n] {
			t.Errorf("version %d: got %+v, %v, want the text %q", n, doc, err, texts[n])
		}
	}
}

// TestRefusedSaves shows that nothing is saved that does not compile.
func TestRefusedSaves(t *testing.T) {
	d := alone(t)
	save := func(name, text string, files ...string) error {
		_, _, err := d.Save(d.ctx, library.Saving{Name: name, Source: sent(t, text, files...)})
		return err
	}
	fault(t, "a wrong kind", save("r", "nodes:\n  a: {kind: md5hash}\n  b: {kind: 'recipe:./sub.yaml'}\n", "sub.yaml", "nodes:\n  x: {kind: prnter}\n"), coordinator.Refused,
		"the recipe r has 2 faults\n"+
			"recipe.yaml:2:13: SL201: unknown kind md5hash; did you mean md5_hash?\n"+
			"sub.yaml:2:13: SL201: unknown kind prnter; did you mean printer?")
	fault(t, "a bad name", save("R.x", plain), coordinator.Invalid,
		`a recipe cannot be saved as "R.x": a name is made of a-z, 0-9, - and _, begins with a letter and has at most 64 of them`)
	_, err := library.Sent("", plain, map[string]string{"../x.yaml": plain})
	fault(t, "a path that leads out", err, coordinator.Invalid, `a file was sent as "../x.yaml": write a path within the recipe's folder, such as parts/sub.yaml`)
	page, err := d.List(library.Listing{})
	if err != nil || len(page.Recipes) != 0 {
		t.Errorf("got %v, %v, want no recipes", page, err)
	}
	_, err = d.Show(d.ctx, "r")
	fault(t, "none", err, coordinator.Unknown, "no recipe is saved as r")
	d.save("plain", plain)
	_, err = d.Show(d.ctx, "plin")
	fault(t, "nearly", err, coordinator.Unknown, "no recipe is saved as plin; did you mean plain?")
	_, err = d.Show(d.ctx, "plain@7")
	fault(t, "no version", err, coordinator.Unknown, "the recipe plain has no version 7; the latest is 1")
	_, err = d.Show(d.ctx, "plain@07")
	fault(t, "no number", err, coordinator.Invalid, `"07" is no version of the recipe plain: write a number from 1, or latest`)
}

// TestLarge refuses what no record can hold, and leaves nothing behind.
func TestLarge(t *testing.T) {
	d := alone(t, func(c *library.Config) { c.CompileFor = time.Minute }) // the race detector takes long
	noise, random := make([]byte, 2<<20), rand.NewChaCha8([32]byte{})
	random.Read(noise)
	_, _, err := d.Save(d.ctx, library.Saving{Name: "r", Source: sent(t, plain+"# "+base64.StdEncoding.EncodeToString(noise)+"\n")})
	if coordinator.FamilyOf(err) != coordinator.TooLarge || !strings.HasPrefix(err.Error(), "the recipe r is too large to be saved: ") {
		t.Errorf("got %v", err)
	}
	if n := d.save("r", plain+strings.Repeat("# not so large when compressed\n", 100_000)); n != 1 {
		t.Errorf("got version %d, want 1", n)
	}
}

// TestList pages through many recipes.
func TestList(t *testing.T) {
	d := alone(t)
	var want []string
	for i := range 25 {
		name := fmt.Sprintf("r-%02d", (i*7)%25)
		d.save(name, fmt.Sprintf("description: Number %d\n%s", i, plain))
		want = append(want, name)
	}
	slices.Sort(want)
	var got []string
	for f := (library.Listing{Limit: 10}); ; {
		page, err := d.List(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Recipes {
			got = append(got, r.Name)
		}
		if f.After = page.Next; f.After == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	page, err := d.List(library.Listing{Match: "NUMBER 3"})
	if err != nil || len(page.Recipes) != 1 || page.Recipes[0].Latest.Description != "Number 3" || page.Recipes[0].Versions != 1 {
		t.Errorf("got %+v, %v", page, err)
	}
}

// TestDelete deletes what nobody needs, and refuses the rest.
func TestDelete(t *testing.T) {
	d := alone(t)
	d.save("upper", upper)
	d.save("hashed", hashed)
	d.save("top", top)
	d.save("upper", upper+"# 2\n")
	remove := func(name string, n int) error { _, err := d.Delete(d.ctx, name, n, nil); return err }
	if err := remove("upper", 1); err != nil {
		t.Errorf("a version that is not the latest: %v", err)
	}
	fault(t, "again", remove("upper", 1), coordinator.Unknown, "version 1 of the recipe upper was deleted; the latest is 2")
	fault(t, "what latest means", remove("upper", 2), coordinator.Conflict,
		"version 2 of the recipe upper can't be deleted: it is used by the recipe hashed@1")
	d.save("hashed", "nodes:\n  src: {kind: string_generator}\n  out: {kind: printer, from: src}\n")
	fault(t, "by way of an old version", remove("upper", 0), coordinator.Conflict,
		"version 2 of the recipe upper can't be deleted: it is used by the recipe hashed@1")
	fault(t, "a pinned one", remove("hashed", 0), coordinator.Conflict, "the recipe hashed can't be deleted: version 1 is used by the recipe top@1")
	d.save("top", plain)
	fault(t, "one that an old version has pinned", remove("hashed", 1), coordinator.Conflict, "version 1 of the recipe hashed can't be deleted: it is used by the recipe top@1")
	if n, err := d.Delete(d.ctx, "top", 0, nil); n != 2 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := d.Delete(d.ctx, "hashed", 0, nil); n != 2 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	page, err := d.List(library.Listing{})
	if err != nil || len(page.Recipes) != 1 || page.Recipes[0].Name != "upper" {
		t.Errorf("got %+v, %v, want upper alone", page, err)
	}
	if n := d.save("hashed", hashed); n != 3 {
		t.Errorf("got version %d; numbers are not given again, want 3", n)
	}
	_, err = d.Show(d.ctx, "hashed@2")
	fault(t, "deleted", err, coordinator.Unknown, "version 2 of the recipe hashed was deleted; the latest is 3")
}

// TestDiff compares two versions.
func TestDiff(t *testing.T) {
	d := alone(t)
	d.save("r", "params: {n: {type: int, default: 3}, old: {default: x}}\nnodes:\n  src: {kind: string_generator, config: {count: '${n}'}}\n  a: {kind: to_uppercase, from: src}\n  out: {kind: printer, from: a}\n")
	d.save("r", "description: More\nparams: {new: {type: int, default: 3}, n: {default: 3, type: int}}\nnodes:\n  src: {config: {count: '${n}'}, kind: string_generator}\n  b: {kind: 'recipe:b.yaml', from: src}\n  out: {kind: printer, from: b}\n", "b.yaml", upper)
	got, err := d.Diff(d.ctx, "r", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimPrefix(`
--- r@1
+++ r@2
@@ -1,5 +1,6 @@
-params: {n: {type: int, default: 3}, old: {default: x}}
+description: More
+params: {new: {type: int, default: 3}, n: {default: 3, type: int}}
 nodes:
-  src: {kind: string_generator, config: {count: '${n}'}}
-  a: {kind: to_uppercase, from: src}
-  out: {kind: printer, from: a}
+  src: {config: {count: '${n}'}, kind: string_generator}
+  b: {kind: 'recipe:b.yaml', from: src}
+  out: {kind: printer, from: b}
--- r@1/b.yaml
+++ r@2/b.yaml
@@ -0,0 +1,5 @@
+description: Upper case
+inputs: {in: {type: string}}
+nodes:
+  up: {kind: to_uppercase, from: inputs.in}
+outputs: {out: {from: up}}
`, "\n")
	if got.Text != want {
		t.Errorf("got\n%s\nwant\n%s", got.Text, want)
	}
	changes := fmt.Sprintf("%d-%d nodes %v params %v fields %v", got.From, got.To, got.Nodes, got.Params, got.Fields)
	if want := "1-2 nodes {[b] [a] [out]} params {[new] [old] []} fields [description]"; changes != want {
		t.Errorf("got %s, want %s", changes, want)
	}
	same, err := d.Diff(d.ctx, "r", 2, 2)
	if err != nil || same.Text != "" || same.Nodes.Changed != nil {
		t.Errorf("got %+v, %v, want no differences", same, err)
	}
}
