package auth_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/coordinator/auth"
	"sluice/coordinator/store"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// gap is how long a key was not taken, at the longest.
type gap struct {
	longest time.Duration
	faults  map[coordinator.Family]int
}

// uses takes a key all the while, until the returned function is called.
func (d desk) uses(token string) (stop func() gap) {
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan gap, 1)
	go func() {
		g := gap{faults: map[coordinator.Family]int{}}
		for last := time.Now(); ; {
			_, err := d.Check(ctx, token)
			if err == nil {
				last = time.Now()
			} else {
				g.faults[coordinator.FamilyOf(err)]++
			}
			g.longest = max(g.longest, time.Since(last))
			select {
			case <-ctx.Done():
				out <- g
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() gap { cancel(); return <-out }
}

// TestLeaderChanges lets leaders of the control plane's stream step down on three servers, and one
// server go: keys are taken again soon, meanwhile whoever asks is told to come again and nothing
// else, and a revocation in the middle of that holds everywhere within 5 s.
func TestLeaderChanges(t *testing.T) {
	servers := bustest.Cluster(t, 3, nil)
	var all []string
	for _, s := range servers {
		all = append(all, s.URL())
	}
	urls := strings.Join(all, ",")
	ctx, cancel := context.WithTimeout(context.Background(), 4*bustest.Timeout)
	t.Cleanup(cancel)
	var desks []desk
	for range 2 {
		conn := bustest.Dial(t, urls)
		var c *store.Control
		bustest.Eventually(t, "the control plane", func() (ok bool) {
			var err error
			c, err = store.Open(ctx, store.Config{Conn: conn, Replicas: 3})
			return err == nil
		})
		t.Cleanup(c.Close)
		a, err := auth.New(auth.Config{Projects: []auth.Project{{Name: "p", Control: c}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		keys, err := a.Keys("p")
		if err != nil {
			t.Fatal(err)
		}
		desks = append(desks, desk{a, keys, c}.runs(t))
	}
	a, b := desks[0], desks[1]
	_, good := a.key(t, "ann", coordinator.Author, time.Time{})
	k, doomed := a.key(t, "bob", coordinator.Author, time.Time{})
	bustest.Eventually(t, "both keys are known", func() bool {
		_, err := b.Check(ctx, good)
		_, err2 := b.Check(ctx, doomed)
		return err == nil && err2 == nil
	})
	leads := func() int {
		return slices.IndexFunc(servers, func(s *bus.Server) bool { return s.Leads("", store.Stream) })
	}
	writes := store.NewTable[map[string]int](a.control, "lease") // something is always written
	conn := bustest.Dial(t, urls)
	stops := []func() gap{a.uses(good), b.uses(good)}
	for n := range 3 {
		before := leads()
		bustest.StepDown(t, conn, store.Stream)
		if n == 1 {
			revoke(t, ctx, a, b, k.Prefix, doomed)
		}
		bustest.Eventually(t, "another leads", func() bool { now := leads(); return now >= 0 && now != before })
		if _, err := writes.Change(ctx, "x", func(m *map[string]int) error { *m = map[string]int{"n": n}; return nil }); err != nil {
			t.Error(err)
		}
	}
	for _, stop := range stops {
		g := stop()
		t.Logf("step down: not taken for %v at the longest; faults %v", g.longest, g.faults)
		if g.longest > bustest.Within(5*time.Second) || len(g.faults) > 1 || len(g.faults) == 1 && g.faults[coordinator.Unavailable] == 0 {
			t.Errorf("step down: got %+v", g)
		}
	}
	stops = []func() gap{a.uses(good), b.uses(good)}
	servers[leads()].Shutdown()
	if _, err := writes.Change(ctx, "x", func(m *map[string]int) error { (*m)["n"]++; return nil }); err != nil {
		t.Error(err)
	}
	for _, d := range desks {
		if err := d.control.Current(ctx); err != nil {
			t.Error(err)
		}
	}
	for _, stop := range stops {
		g := stop()
		t.Logf("a server goes: not taken for %v at the longest; faults %v", g.longest, g.faults)
		if g.longest > bustest.Within(10*time.Second) {
			t.Errorf("a server goes: got %+v", g)
		}
	}
}

// revoke ends a key, which both must refuse within 5 s.
func revoke(t *testing.T, ctx context.Context, a, b desk, prefix, token string) {
	t.Helper()
	if _, err := a.keys.Revoke(ctx, prefix, "root"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, d := range []desk{a, b} {
		bustest.Eventually(t, "the key is refused", func() bool { _, err := d.Check(ctx, token); return err != nil })
	}
	if took := time.Since(began); took > bustest.Within(5*time.Second) {
		t.Errorf("a revoked key was taken for %v", took)
	}
}
