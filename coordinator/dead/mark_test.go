package dead

import (
	"errors"
	"testing"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestMarks claims many messages, takes that back, and never writes over what it has not read.
func TestMarks(t *testing.T) {
	ctx, conn, names := bustest.Context(t), bustest.Conn(t, bustest.InProcess), bus.Names{Job: "one"}
	if err := conn.EnsureStream(ctx, bus.StreamConfig{Name: names.State(), Subjects: []string{names.StateAll()}, MaxMsgsPerSubject: 1, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	nobody := func(recipe.JobID) (recipe.JobID, recipe.JobState, bool) { return "", "", false }
	s := &Store{conn: conn, find: nobody, stands: time.Hour}
	const messages = 3 * marksAtOnce
	batch := &Batch{Job: &bus.JobRecord{Job: "one"}, sheaves: map[bus.DeadKey]*sheaf{}}
	for n := range uint64(messages) {
		key := bus.DeadKey{Step: 1, Ord: recipe.Ordinal{N: n}}
		batch.sheaves[key] = &sheaf{key, []int{0, 2}}
	}
	count := func(want recipe.JobID) (n int) {
		t.Helper()
		all, err := s.marks(ctx, "one")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			for _, who := range m.mark {
				if who == want {
					n++
				}
			}
		}
		return n
	}
	if err := s.Claim(ctx, batch, "a"); err != nil || count("a") != 2*messages {
		t.Fatalf("got %d letters, %v", count("a"), err)
	}
	if err := s.Claim(ctx, batch, "b"); coordinator.FamilyOf(err) != coordinator.Conflict || count("a") != 2*messages {
		t.Errorf("got %v, and a has %d letters", err, count("a"))
	}
	s.release(ctx, batch, "a")
	if n := count("a"); n != 0 {
		t.Errorf("a has %d letters, want none", n)
	}
	stale, err := s.marks(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Claim(ctx, batch, "b"); err != nil {
		t.Fatal(err)
	}
	for key, m := range stale {
		if err := s.write(ctx, []marking{{names.Replayed(key), m}}); !errors.Is(err, bus.ErrConflict) {
			t.Fatalf("got %v, want a conflict", err)
		}
	}
	if n := count("b"); n != 2*messages {
		t.Errorf("b has %d letters, want all", n)
	}
	s.stands = 0 // its time is up, and nobody knows it
	if err := s.Claim(ctx, batch, "c"); err != nil || count("c") != 2*messages {
		t.Errorf("got %d letters, %v", count("c"), err)
	}
}
