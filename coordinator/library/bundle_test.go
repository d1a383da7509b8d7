package library_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/library"
)

// TestBundle brings all recipes of one project into another, twice.
func TestBundle(t *testing.T) {
	a, b := alone(t), alone(t)
	a.save("upper", upper)
	a.save("upper", "nodes:\n  src: {kind: string_generator}\n  out: {kind: printer, from: src}\n")
	a.save("upper", upper)
	a.save("hashed", hashed)
	a.save("top", top, "unread.yaml", "x: [")
	if _, err := a.Delete(a.ctx, "upper", 2, nil); err != nil {
		t.Fatal(err)
	}
	export := func(d desk, names ...string) []byte {
		t.Helper()
		archive, err := d.Export(d.ctx, names)
		if err != nil {
			t.Fatal(err)
		}
		return archive
	}
	archive := export(a)
	if !bytes.Equal(archive, export(a, "upper", "top", "hashed", "top")) {
		t.Error("the same recipes give other bytes")
	}
	_, err := b.Import(b.ctx, export(a, "hashed"), "bob")
	fault(t, "without what it uses", err, coordinator.Refused,
		"the archive has a fault\nhashed@1:3:14: SL101: the recipe upper cannot be read: no recipe is saved as upper")
	want := []string{"hashed@1", "top@1", "upper@1", "upper@3"}
	made, err := b.Import(b.ctx, archive, "bob")
	if err != nil || !slices.Equal(made.Added, want) || made.Same != nil {
		t.Fatalf("got %+v, %v", made, describe(err))
	}
	made, err = b.Import(b.ctx, archive, "bob")
	if err != nil || made.Added != nil || !slices.Equal(made.Same, want) {
		t.Errorf("again: got %+v, %v", made, err)
	}
	doc, err := b.Show(b.ctx, "upper@3")
	if err != nil || doc.By != "ann" || doc.ImportedBy != "bob" || doc.Source != upper {
		t.Errorf("got %+v, %v", doc, err)
	}
	if got, want := steps(b.plan(b.saved("top"), map[string]any{"n": 1})), steps(a.plan(a.saved("top"), map[string]any{"n": 1})); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := b.Delete(b.ctx, "upper", 1, nil); err != nil {
		t.Fatal(err)
	}
	made, err = b.Import(b.ctx, archive, "bob")
	if err != nil || fmt.Sprint(made.Added) != "[upper@1]" {
		t.Errorf("what was deleted: got %+v, %v", made, err)
	}
}

// TestBadBundles refuses archives as a whole.
func TestBadBundles(t *testing.T) {
	a, b := alone(t), alone(t)
	a.save("x", plain)
	a.save("y", plain)
	b.save("y", plain+"# other\n")
	archive, err := a.Export(a.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	put := func(archive []byte) error { _, err := b.Import(b.ctx, archive, "bob"); return err }
	fault(t, "another version 1", put(archive), coordinator.Conflict, "nothing was imported: other versions have these numbers: y@1")
	changed := bytes.Replace(archive, []byte("count: 3"), []byte("count: 4"), 1)
	fault(t, "a changed text", put(changed), coordinator.Invalid, "the archive was changed: the text of x@1 does not have its digest")
	fault(t, "another form", put([]byte(`{"sluice_recipes": 2}`)), coordinator.Invalid, "the archive has the form 2; this build reads 1")
	fault(t, "no JSON", put([]byte(`x`)), coordinator.Invalid, "the archive is not JSON as an export writes it: invalid character 'x' looking for beginning of value")
	page, err := b.List(library.Listing{})
	if err != nil || len(page.Recipes) != 1 {
		t.Errorf("got %+v, %v; want nothing imported", page, err)
	}
	_, err = a.Export(a.ctx, []string{"z"})
	fault(t, "an unknown name", err, coordinator.Unknown, "no recipe is saved as z")
}
