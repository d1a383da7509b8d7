package bus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
)

// TestPreflightAnywhere asks each server of a cluster, of which some hear a moment later than
// others of the stream that is made to see whether it keeps what it is given.
func TestPreflightAnywhere(t *testing.T) {
	all := bustest.Cluster(t, 3, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*bustest.Timeout)
	defer cancel()
	for i := range 30 {
		report, err := bustest.Connect(t, all[i%len(all)]).Preflight(ctx, bus.Needs{Replicas: 1 + i%2*2})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			if f.Level == bus.Refuse {
				t.Fatalf("time %d: %s", i+1, f.What)
			}
		}
	}
}

// TestPreflightOffline: a server that was not heard yet comes, as where all have just begun; more than
// there are do not.
func TestPreflightOffline(t *testing.T) {
	var settings []bus.ServerConfig
	for _, s := range bustest.Cluster(t, 3, func(_ int, c *bus.ServerConfig) {
		c.Dir = t.TempDir()
		settings = append(settings, *c)
	}) {
		defer s.Shutdown()
		s.Shutdown()
	}
	first := bustest.Start(t, settings[0])
	bustest.Start(t, settings[1])
	c, ctx := bustest.Connect(t, first), bustest.Context(t)
	for _, row := range []struct {
		replicas int
		passes   bool
	}{{3, true}, {5, false}} {
		if !row.passes {
			bustest.Start(t, settings[2])
		}
		bustest.Eventually(t, fmt.Sprint(row.replicas, " replicas are refused"), func() bool {
			r, err := c.Preflight(ctx, bus.Needs{Replicas: row.replicas})
			return err == nil && r.Refused() != nil && strings.Contains(r.Refused().Error(), "replicas here") && r.Passes == row.passes
		})
	}
}
