package library_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/internal/bus/bustest"
	"sluice/nodes"
	"sluice/nodes/all"
)

// including is a recipe that includes the first version of another one.
func including(name string) string {
	return "nodes:\n  src: {kind: string_generator, config: {count: 3}}\n  u: {kind: 'recipe:" + name + "@1', from: src}\n  out: {kind: printer, from: u}\n"
}

// watched calls a function behind each look at all jobs.
type watched struct {
	library.Jobs
	looked func()
}

// All implements library.Jobs.
func (w *watched) All(f func(coordinator.Job) bool) {
	w.Jobs.All(f)
	w.looked()
}

// TestSavedWhileDeleted saves a recipe between the look at who needs a version and its deletion: the
// version stays, with its document.
func TestSavedWhileDeleted(t *testing.T) {
	server, looks := bustest.Server(t), 0
	b := open(t, bustest.Connect(t, server))
	a := open(t, bustest.Connect(t, server), func(c *library.Config) {
		c.Jobs = &watched{c.Jobs, func() {
			if looks++; looks == 1 {
				b.save("top", including("sub"))
			}
		}}
	})
	a.save("sub", upper)
	_, err := a.Delete(a.ctx, "sub", 1, nil)
	fault(t, "delete what is included since", err, coordinator.Conflict, "version 1 of the recipe sub can't be deleted: it is used by the recipe top@1")
	b.submit(library.Submission{Owner: "ann", Recipe: "top@1"})
	if _, err := b.Show(b.ctx, "sub@1"); err != nil {
		t.Error(err)
	}
}

// TestDeletedWhileSaved deletes a version between the compilation of what includes it and its
// writing: what was saved is no version.
func TestDeletedWhileSaved(t *testing.T) {
	server := bustest.Server(t)
	b := open(t, bustest.Connect(t, server))
	hook := func() {}
	a := open(t, bustest.Connect(t, server), func(c *library.Config) {
		c.Now = func() time.Time { hook(); return noon }
	})
	a.save("sub", upper)
	hook = func() {
		hook = func() {}
		if _, err := b.Delete(b.ctx, "sub", 1, nil); err != nil {
			t.Error(err)
		}
	}
	_, _, err := a.Save(a.ctx, library.Saving{Name: "top", By: "ann", Source: sent(t, including("sub"))})
	fault(t, "save", err, coordinator.Conflict, "the recipe top includes what was deleted at the same moment: no recipe is saved as sub")
	_, err = a.Show(a.ctx, "top")
	fault(t, "show", err, coordinator.Unknown, "no recipe is saved as top")
}

// TestDeleteAtOnce deletes what is included, run or imported at the same moment, at two coordinators:
// what is answered to be there can be run.
func TestDeleteAtOnce(t *testing.T) {
	server := bustest.Server(t)
	a, b := open(t, bustest.Connect(t, server)), open(t, bustest.Connect(t, server))
	for i := range 40 {
		sub, top, run := fmt.Sprint("sub", i), fmt.Sprint("top", i), fmt.Sprint("run", i)
		a.save(sub, upper)
		a.save(run, plain)
		archive, err := a.Export(a.ctx, []string{run})
		if err != nil {
			t.Fatal(err)
		}
		job := b.submit(library.Submission{Owner: "ann", Recipe: run})
		_, err = a.Delete(a.ctx, run, 1, nil)
		fault(t, "delete what is run", err, coordinator.Conflict, fmt.Sprintf("version 1 of the recipe %s can't be deleted: it is run by job %s, which is pending", run, job.ID))
		if err := a.jobs.WriteStatus(a.ctx, job.ID, coordinator.Status{State: "succeeded"}); err != nil {
			t.Fatal(err)
		}
		at := []desk{a, b}[i%2]
		var both sync.WaitGroup
		var saved, deleted, imported error
		both.Go(func() {
			_, _, saved = at.Save(at.ctx, library.Saving{Name: top, By: "ann", Source: sent(t, including(sub))})
			_, imported = b.Import(b.ctx, archive, "bob")
		})
		both.Go(func() {
			_, deleted = a.Delete(a.ctx, sub, 1, nil)
			_, _ = a.Delete(a.ctx, run, 1, nil)
		})
		both.Wait()
		if saved == nil {
			if _, _, err := b.Submit(b.ctx, library.Submission{Owner: "ann", Recipe: top + "@1"}); err != nil {
				t.Fatalf("round %d: saved, and can't be run: %v; deleted: %v", i, describe(err), deleted)
			}
		}
		if versions, _, err := b.Versions(b.ctx, run, 0, 10); err == nil && len(versions) > 0 {
			if _, err := b.Show(b.ctx, run); err != nil {
				t.Fatalf("round %d: listed, and its document is gone: %v; imported: %v", i, err, imported)
			}
		}
	}
}

// TestDeletedWhileImported deletes a version between the look at what an archive includes and its
// writing: what includes it, itself or by way of others, is not there, and all else is.
func TestDeletedWhileImported(t *testing.T) {
	server, looks := bustest.Server(t), 0
	b := open(t, bustest.Connect(t, server))
	a := open(t, bustest.Connect(t, server), func(c *library.Config) {
		c.Catalogue = func() *nodes.Catalogue {
			if looks++; looks == 3 { // the archive's zz is checked, and those before it are
				if _, err := b.Delete(b.ctx, "sub", 1, nil); err != nil {
					t.Error(err)
				}
			}
			return all.Catalogue()
		}
	})
	b.save("sub", upper)
	away := alone(t)
	away.save("sub", upper)
	away.save("mid", strings.Replace(upper, "to_uppercase", "'recipe:sub@1'", 1))
	away.save("atop", including("mid"))
	away.save("zz", plain)
	archive, err := away.Export(away.ctx, []string{"atop", "mid", "zz"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := a.Import(a.ctx, archive, "bob")
	fault(t, "import", err, coordinator.Conflict, "the recipe mid includes what was deleted at the same moment: no recipe is saved as sub")
	if fmt.Sprint(made.Added) != "[zz@1]" {
		t.Errorf("got %v", made.Added)
	}
	for _, name := range []string{"atop", "mid"} {
		_, err := b.Show(b.ctx, name)
		fault(t, "show", err, coordinator.Unknown, "no recipe is saved as "+name)
	}
	if archive, err = away.Export(away.ctx, nil); err != nil {
		t.Fatal(err)
	}
	made, err = b.Import(b.ctx, archive, "bob")
	if err != nil || fmt.Sprint(made.Added, made.Same) != "[atop@1 mid@1 sub@1] [zz@1]" {
		t.Errorf("with what was deleted: got %+v, %v", made, describe(err))
	}
}
