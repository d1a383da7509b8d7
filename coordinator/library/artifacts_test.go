package library_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/library"
)

// TestNaming tells which version names an artifact, also behind an export and an import.
func TestNaming(t *testing.T) {
	d := alone(t)
	digest := func(n int) string { return fmt.Sprintf("%064x", n) }
	reads := func(n int) string {
		return fmt.Sprintf("nodes:\n  in: {kind: file_reader, config: {path: 'artifact:%s/a.log'}}\n  out: {kind: printer, from: in}\n", digest(n))
	}
	d.save("a", reads(1))
	d.save("a", reads(2))
	d.save("a", reads(1)+"description: again\n")
	d.save("b", "params: {log: {default: 'artifact:"+digest(3)+"/x'}}\nnodes:\n  in: {kind: file_reader, config: {path: '${log}'}}\n")
	want := map[int]string{1: "a@3", 2: "a@2", 3: "b@1", 4: ""}
	for n, want := range want {
		if got := d.Naming(digest(n)); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	if _, err := d.Delete(d.ctx, "a", 3, nil); err != nil {
		t.Fatal(err)
	}
	if got := d.Naming(digest(1)); got != "a@1" {
		t.Errorf("behind the deletion of a version: got %q", got)
	}
	archive, err := d.Export(d.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	away := alone(t)
	if _, err := away.Import(away.ctx, archive, "bob"); err != nil || away.Naming(digest(3)) != "b@1" {
		t.Errorf("behind an import: got %q, %v", away.Naming(digest(3)), err)
	}
	text := "nodes:\n"
	for n := range library.MaxArtifacts + 1 {
		text += fmt.Sprintf("  n%d: {kind: file_reader, config: {path: 'artifact:%s/x'}}\n", n, digest(n))
	}
	_, _, err = d.Save(d.ctx, library.Saving{Name: "many", Source: sent(t, text), By: "ann"})
	if coordinator.FamilyOf(err) != coordinator.TooLarge || !strings.Contains(err.Error(), "65 artifacts") {
		t.Errorf("got %v", err)
	}
}
