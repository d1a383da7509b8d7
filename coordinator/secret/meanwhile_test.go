package secret

import (
	"encoding/json"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/store"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestNeededMeanwhile deletes a secret while a job that names it is written by another coordinator,
// between the look at who needs it and its removal: it is there as before.
func TestNeededMeanwhile(t *testing.T) {
	server, ctx, keys := bustest.Server(t), bustest.Context(t), keyring(t, master(1))
	desk := func() (*Secrets, *store.Jobs) {
		t.Helper()
		c, err := store.Open(ctx, store.Config{Conn: bustest.Connect(t, server)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		jobs := store.NewJobs(c)
		s, err := New(Config{Control: c, Project: "p", Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		return s, jobs
	}
	a, seen := desk()
	b, jobs := desk()
	set(t, a, "token", canary)
	looks := 0
	err := a.Delete(ctx, "token", nil, func() error {
		id, found := seen.Needing("token")
		if found {
			return coordinator.Faultf(coordinator.Conflict, "job %s names it", id)
		}
		if looks++; looks == 1 {
			plan := &recipe.Plan{Steps: []recipe.Step{{Node: "n", Config: json.RawMessage(`{"key":"${secret:token}"}`)}}}
			if _, _, err := jobs.Submit(ctx, &coordinator.Spec{Job: "one", Plan: plan}); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	family(t, "delete", err, coordinator.Conflict)
	if is, err := a.Show("token"); err != nil || is.By != "ann" {
		t.Errorf("got %+v, %v", is, err)
	}
	if v, err := b.value(ctx, "token"); err != nil || v != canary {
		t.Errorf("got %q, %v", v, err)
	}
	if err := a.Delete(ctx, "token", nil, nil); err != nil {
		t.Error(err)
	}
	family(t, "delete what is gone", a.Delete(ctx, "token", nil, func() error { t.Error("it is asked who needs it"); return nil }), coordinator.Unknown)
}
