package daemon_test

import (
	"context"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/nodes/all"
)

// coordinate runs a coordinator of projects that have a server each.
func coordinate(t *testing.T, name string, servers map[string]*bus.Server, projects ...string) *daemon.Coordinator {
	t.Helper()
	cfg := daemon.CoordinatorConfig{Name: name, Catalogue: all.Catalogue(), Lease: 600 * time.Millisecond}
	for _, p := range projects {
		cfg.Projects = append(cfg.Projects, daemon.Project{Name: p, Conn: bustest.Connect(t, servers[p])})
	}
	c, err := daemon.NewCoordinator(bustest.Context(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Close()
	})
	return c
}

// TestOneLeadsEachProject: of coordinators that list their projects in another order, or of which
// one has another project in front, as in a rolling restart, one leads each.
func TestOneLeadsEachProject(t *testing.T) {
	servers := map[string]*bus.Server{"red": bustest.Server(t), "blue": bustest.Server(t), "green": bustest.Server(t)}
	a := coordinate(t, "a", servers, "red", "blue")
	bustest.Eventually(t, "the first leads both", func() bool { return a.Leads("red") && a.Leads("blue") })
	b := coordinate(t, "b", servers, "blue", "red")
	c := coordinate(t, "c", servers, "green", "red", "blue")
	bustest.Eventually(t, "the new project is led", func() bool { return c.Leads("green") })
	// Who could lead by a lease of its own would do so at once, as the third one leads its green.
	began := time.Now()
	bustest.Eventually(t, "the lease's time has passed", func() bool {
		for _, p := range []string{"red", "blue"} {
			if !a.Leads(p) || b.Leads(p) || c.Leads(p) {
				t.Fatalf("of %s: a leads %v, b %v, c %v", p, a.Leads(p), b.Leads(p), c.Leads(p))
			}
		}
		return time.Since(began) > 600*time.Millisecond
	})
	if a.Leads("green") || b.Leads("green") {
		t.Error("a project is led by who does not serve it")
	}
}
