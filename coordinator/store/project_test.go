package store_test

import (
	"strings"
	"sync"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus/bustest"
)

// TestClaim: a control plane is that of the project which was there first, also where several
// start at once.
func TestClaim(t *testing.T) {
	server, ctx := bustest.Server(t), bustest.Context(t)
	names := []string{"red", "blue", "red", "blue"}
	var desks []desk
	for range names {
		desks = append(desks, open(t, bustest.Connect(t, server)))
	}
	errs := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { errs[i] = desks[i].Claim(ctx, name) })
	}
	all.Wait()
	is, other := "red", "blue"
	if errs[0] != nil {
		is, other = other, is
	}
	for i, name := range names {
		if name == is && errs[i] != nil {
			t.Errorf("%s is its own: %v", name, errs[i])
		}
		if name == other {
			family(t, "another name", errs[i], coordinator.Conflict)
		}
	}
	later := open(t, bustest.Connect(t, server))
	if err := later.Claim(ctx, is); err != nil {
		t.Errorf("behind a restart: %v", err)
	}
	err := later.Claim(ctx, other)
	family(t, "another name, behind a restart", err, coordinator.Conflict)
	if err != nil && (!strings.Contains(err.Error(), "project "+is) || !strings.Contains(err.Error(), "project "+other)) {
		t.Errorf("%v does not name both", err)
	}
}
