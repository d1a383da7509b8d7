package daemon_test

import (
	"testing"

	"sluice/internal/bus/bustest"
	"sluice/internal/daemon"
	"sluice/nodes/all"
)

// TestStartBreaksOff: a coordinator whose connection is gone says so.
func TestStartBreaksOff(t *testing.T) {
	conn := bustest.Conn(t, bustest.InProcess)
	conn.Close()
	c, err := daemon.NewCoordinator(bustest.Context(t), daemon.CoordinatorConfig{Name: "c", Catalogue: all.Catalogue(),
		Projects: []daemon.Project{{Name: "default", Conn: conn}}})
	if err == nil || c != nil {
		t.Errorf("got %v, %v, want an error", c, err)
	}
}
