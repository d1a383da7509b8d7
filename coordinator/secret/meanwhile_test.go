package secret

import (
	"context"
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

// TestDeletedAndNeeded: whoever asks for a deletion leaves in the middle of it, and the secret that is
// needed is there; over what was set or deleted since, the old value is not written.
func TestDeletedAndNeeded(t *testing.T) {
	control, err := store.Open(bustest.Context(t), store.Config{Conn: bustest.Connect(t, bustest.Server(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	s, err := New(Config{Control: control, Project: "p", Keys: keyring(t, master(1))})
	if err != nil {
		t.Fatal(err)
	}
	if err := control.Follow(bustest.Context(t)); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		meanwhile func()
		want      string
	}{
		"left":    {func() {}, canary},
		"set":     {func() { set(t, s, "token", "later") }, "later"},
		"deleted": {func() { set(t, s, "token", "later"); _ = s.Delete(t.Context(), "token", nil, nil) }, ""},
	} {
		set(t, s, "token", canary)
		ctx, leave := context.WithCancel(bustest.Context(t))
		looks := 0
		err := s.Delete(ctx, "token", func(coordinator.Secret) error { leave(); return nil }, func() error {
			if looks++; looks == 1 {
				return nil
			}
			row.meanwhile()
			return coordinator.Faultf(coordinator.Conflict, "job one names it")
		})
		family(t, name, err, coordinator.Conflict)
		got, err := s.value(t.Context(), "token")
		if got != row.want || (err != nil) != (row.want == "") {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, row.want)
		}
		leave()
	}
}
