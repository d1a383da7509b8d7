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

// TestReplayTakesTurn: plans of replays are made in a turn, which ends; without one, or when it is
// over, nothing is submitted.
func TestReplayTakesTurn(t *testing.T) {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", twice, 16)
	s.ends("one", recipe.JobSucceeded)
	s.broken.Store(false)
	over, cancel := context.WithCancel(s.ctx)
	cancel()
	none := coordinator.Faultf(coordinator.Unavailable, "no turn")
	for _, row := range []struct {
		turn context.Context
		err  error
		want string
		ends int
	}{
		{nil, none, "no turn", 0},
		{over, nil, "the replays of the dead letters of 2 nodes can't be planned in the time that one request may take", 1},
	} {
		ends := 0
		box := dead.NewBox(dead.BoxConfig{Conn: s.conn, Jobs: s.jobs, Turns: s.turns, Catalogue: func() *nodes.Catalogue { return s.kinds() },
			Turn: func(context.Context) (context.Context, func(), error) { return row.turn, func() { ends++ }, row.err }})
		_, err := box.Replay(s.ctx, dead.Replaying{Job: "one", Owner: "ann"})
		s.fault("a replay", err, coordinator.Unavailable, row.want)
		if ends != row.ends {
			t.Errorf("%s: the turn was ended %d times, want %d", row.want, ends, row.ends)
		}
	}
}
