package bus_test

import (
	"context"
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
