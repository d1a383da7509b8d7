package api_test

import (
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/daemon"
	"sluice/internal/telemetry"
)

// TestMetricsOfOneProject serves the metrics to the key of a viewer, and to no key where they
// would tell it of another project.
func TestMetricsOfOneProject(t *testing.T) {
	one := newDesk(t, func(c *daemon.CoordinatorConfig) { c.Watched = telemetry.New("coordinator", "test") })
	if resp, body := one.do("GET", "/metrics", "", "Authorization", "Bearer "+one.keys[coordinator.Viewer]); resp.StatusCode != 200 || !strings.Contains(body, "sluice_build_info") {
		t.Errorf("got %d %.300s", resp.StatusCode, body)
	}
	resp, body := one.do("GET", "/metrics", "", "Authorization", "")
	problem(t, resp, body, 401, coordinator.Unnamed)
	a, _ := twoProjects(t)
	resp, body = a.do("GET", "/metrics", "", "Authorization", "Bearer "+a.keys[coordinator.Admin])
	problem(t, resp, body, 403, coordinator.Forbidden)
	if strings.Contains(body, "sluice_") {
		t.Errorf("got %s", body)
	}
}
