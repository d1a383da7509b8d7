package dead_test

import (
	"context"
	"fmt"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/dead"
	"sluice/nodes"
	"sluice/recipe"
)

// TestOneReplayWrites asks for replays of two nodes at the same moment, which write the same file:
// both have looked for others, and one is made.
func TestOneReplayWrites(t *testing.T) {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", twice, 16)
	s.ends("one", recipe.JobSucceeded)
	s.broken.Store(false)
	s.gone.Store(true)
	var first *dead.Replayed
	slow := dead.NewBox(dead.BoxConfig{Conn: s.conn, Jobs: s.jobs, Turns: s.turns, Catalogue: func() *nodes.Catalogue { return s.kinds() }, Admit: func(ctx context.Context, _ string, _ recipe.JobID, prepare func(context.Context) (*coordinator.Spec, error)) (job coordinator.Job, again bool, err error) {
		if first, err = s.replay(dead.Replaying{Job: "one", Node: "b"}); err == nil {
			_, err = prepare(ctx)
		}
		return job, again, err
	}})
	_, err := slow.Replay(s.ctx, dead.Replaying{Job: "one", Node: "a"})
	if first == nil || len(first.Jobs) != 1 {
		t.Fatalf("got %+v, %v", first, err)
	}
	child := first.Jobs[0].ID
	s.fault("the other", err, coordinator.Conflict, fmt.Sprintf("the dead letters of job one can't be replayed now: job %s writes the same files", child))
	s.gone.Store(false)
	s.ends(child, recipe.JobSucceeded)
	made, err := s.replay(dead.Replaying{Job: "one", Node: "a"})
	if err != nil || len(made.Jobs) != 1 {
		t.Fatalf("behind it: got %+v, %v", made, err)
	}
	s.ends(made.Jobs[0].ID, recipe.JobSucceeded)
	for range 2 {
		if err := s.box.Forget(s.ctx, "one"); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.turns.Read(s.ctx, "of.one"); coordinator.FamilyOf(err) != coordinator.Unknown {
		t.Errorf("got %v", err)
	}
}
