package dead_test

import (
	"context"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/dead"
	"sluice/nodes"
	"sluice/recipe"
)

// TestReplayAskedMeanwhile asks for a replay under its key while whoever wrote its job takes that
// back: it is told so, and not of a replay that is none.
func TestReplayAskedMeanwhile(t *testing.T) {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", strings.Replace(numbers, "3000", "300", 1), 16)
	s.ends("one", recipe.JobSucceeded)
	s.gone.Store(true)
	keyed := dead.Replaying{Job: "one", Owner: "bob", Key: "k"}
	made, err := s.replay(keyed)
	if err != nil || len(made.Jobs) != 1 {
		t.Fatalf("got %+v, %v", made, err)
	}
	asked := recipe.JobID("")
	box := dead.NewBox(dead.BoxConfig{Conn: s.conn, Jobs: s.jobs, Turns: s.turns, Catalogue: func() *nodes.Catalogue { return s.kinds() },
		Stay: func(_ context.Context, spec *coordinator.Spec) (coordinator.Job, bool, error) {
			asked = spec.Job
			return coordinator.Job{}, false, coordinator.Faultf(coordinator.OverLimit, "too many")
		}})
	_, err = box.Replay(s.ctx, keyed)
	s.fault("the same key", err, coordinator.OverLimit, "too many")
	if asked != made.Jobs[0].ID {
		t.Errorf("it was asked of %q, and the replay is %s", asked, made.Jobs[0].ID)
	}
}
