package files_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestNamedByRecipe keeps what a saved recipe names: it can't be deleted, the sweep leaves it, and
// the end of the job that has made it does, too.
func TestNamedByRecipe(t *testing.T) {
	c, ctx := newCluster(t, coordinator.FileLimits{}), bustest.Context(t)
	c.worker(nil, nil)
	in := upload(t, c.files, "in.log", log(500))
	c.submit("one", reference, map[string]string{"log": in.Ref()})
	c.until("one", recipe.JobSucceeded)
	a, content := c.made("one")
	c.saved.Store(a.SHA256)
	err := c.files.Delete(ctx, a.ID, 0)
	family(t, "delete what a recipe names", err, coordinator.Conflict)
	if !strings.Contains(err.Error(), "parse@3") {
		t.Errorf("got %q, want the name of the recipe", err)
	}
	if _, err := c.jobs.Order(ctx, "one", coordinator.Order{Want: coordinator.WantGone}, 0); err != nil {
		t.Fatal(err)
	}
	bustest.Eventually(t, "the job is deleted", func() bool { _, err := c.jobs.Job("one"); return err != nil })
	if err := c.files.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	kept, err := c.files.Artifact(a.SHA256)
	if err != nil || kept.Job != "" || kept.Name != a.Name || !bytes.Equal(read(t, c.files, kept), content) {
		t.Fatalf("got %+v, %v", kept, err)
	}
	if _, err := c.files.Artifact(a.ID); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("the job's own: got %v", err)
	}
	c.submit("two", reference, map[string]string{"log": a.Ref()})
	c.until("two", recipe.JobSucceeded)
	c.saved.Store("")
	if err := c.files.Delete(ctx, kept.ID, 0); err != nil {
		t.Errorf("when the recipe is gone: got %v", err)
	}
}
