package dead_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/dead"
	"sluice/internal/bus"
	"sluice/nodes"
	"sluice/recipe"
)

// TestReplaysAtOnce asks for the same letters many times at once: each is replayed once.
func TestReplaysAtOnce(t *testing.T) {
	text := strings.Replace(numbers, "3000", "300", 1)
	t.Run("file", func(t *testing.T) {
		if got := replaysAtOnce(t, text).lines("out.txt"); got != 300 {
			t.Errorf("got %d lines, want 300", got)
		}
	})
	t.Run("nothing that is written in turn", func(t *testing.T) {
		replaysAtOnce(t, strings.Replace(text, "kind: file_writer, from: texts, config: {path: out.txt}", "kind: printer, from: texts", 1))
	})
}

func replaysAtOnce(t *testing.T, text string) *service {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", text, 16)
	s.ends("one", recipe.JobSucceeded)
	s.broken.Store(false)
	total := len(s.list("one", dead.Listing{}))
	type answer struct {
		made *dead.Replayed
		err  error
	}
	answers := make(chan answer)
	const asking = 8
	for range asking {
		go func() {
			made, err := s.box.Replay(s.ctx, dead.Replaying{Job: "one"})
			answers <- answer{made, err}
		}()
	}
	replayed := 0
	for range asking {
		a := <-answers
		switch f := coordinator.FamilyOf(a.err); {
		case a.err == nil:
			replayed += a.made.Letters
		case f != coordinator.Conflict && f != coordinator.Changed:
			t.Error(a.err)
		}
	}
	left, err := s.replay(dead.Replaying{Job: "one"}) // those who were in each other's way hold none back
	if err == nil {
		replayed += left.Letters
	} else if coordinator.FamilyOf(err) != coordinator.Conflict || replayed == 0 { // files are written in turn
		t.Error(err)
	}
	var replays []recipe.JobID
	s.jobs.All(func(j coordinator.Job) bool {
		if j.Parent != "" {
			replays = append(replays, j.ID)
		}
		return true
	})
	for _, id := range replays {
		s.ends(id, recipe.JobSucceeded)
	}
	if free := s.list("one", dead.Listing{Free: true}); len(free) != total-replayed {
		t.Errorf("got %d letters that no replay has, want %d of %d", len(free), total-replayed, total)
	}
	if left, err = s.replay(dead.Replaying{Job: "one"}); err != nil || left.Letters != total-replayed {
		t.Errorf("got %+v, %v, want the other %d", left, err, total-replayed)
	}
	for _, j := range left.Jobs {
		s.ends(j.ID, recipe.JobSucceeded)
	}
	return s
}

// TestClaimsStand keeps others away from letters that a coordinator has marked whose replay is
// not known yet.
func TestClaimsStand(t *testing.T) {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", strings.Replace(numbers, "3000", "300", 1), 16)
	s.ends("one", recipe.JobSucceeded)
	whole := s.list("one", dead.Listing{})
	place := func(l coordinator.DeadLetter) recipe.Ordinal {
		ord, err := recipe.ParseOrdinal(strings.Split(l.ID, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		return ord
	}
	// Of the last message, so that all others are marked before.
	slices.SortStableFunc(whole, func(a, b coordinator.DeadLetter) int { return place(b).Compare(place(a)) })
	letter, ord := whole[0].ID, place(whole[0])
	pub, err := s.conn.NewPublisher()
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	subject := bus.Names{Job: "one"}.Replayed(bus.DeadKey{Step: 1, Ord: ord})
	put := func(mark string) {
		if out := pub.PutSync(s.ctx, bus.Put{Subject: subject, Data: []byte(mark)}); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	put(`{"0":"ghost"}`)
	const want = "dead letters of job one are being taken by another replay"
	_, err = s.replay(dead.Replaying{Job: "one"})
	s.fault("replay", err, coordinator.Conflict, want)
	_, err = s.box.Purge(s.ctx, "one", []string{letter})
	s.fault("purge of one", err, coordinator.Conflict, want)
	_, err = s.box.Purge(s.ctx, "one", nil)
	s.fault("purge", err, coordinator.Conflict, want)
	if free := s.list("one", dead.Listing{Free: true}); len(free) != len(whole) {
		t.Errorf("got %d letters, want %d as they were", len(free), len(whole))
	}
	put(`{}`)
	made, err := s.replay(dead.Replaying{Job: "one"})
	if err != nil || made.Letters != len(whole) {
		t.Fatalf("what was marked in vain holds letters back: got %+v, %v", made, err)
	}
	s.ends(made.Jobs[0].ID, recipe.JobSucceeded)
}

// TestNotReplayed refuses what can't be given again, or would come too late.
func TestNotReplayed(t *testing.T) {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", "recipe: sums\nnodes:\n  numbers: {kind: integer_generator, config: {count: 100, seed: 1}}\n"+
		"  a: {kind: fragile, from: numbers, config: {}}\n  sum: {kind: rolling_sum, from: a, config: {values_to_keep: 1}}\n  out: {kind: printer, from: sum}\n", 16)
	s.ends("one", recipe.JobSucceeded)
	_, err := s.replay(dead.Replaying{Job: "one"})
	s.fault("an ordered step", err, coordinator.Conflict, "the records would reach sum late and out of their order, on which the answers there depend")
	made, err := s.replay(dead.Replaying{Job: "one", Force: true, Node: "a"})
	if err != nil || len(made.Jobs) != 1 {
		t.Errorf("by force: got %+v, %v", made, err)
	}
	s.ends(made.Jobs[0].ID, recipe.JobSucceeded)
}

// TestLateClaim lets another replay take letters that a first one has looked at already. The two
// know nothing of each other's turns, so that it comes to the letters.
func TestLateClaim(t *testing.T) {
	s := newService(t)
	s.broken.Store(true)
	s.submit("one", strings.Replace(numbers, "3000", "300", 1), 16)
	s.ends("one", recipe.JobSucceeded)
	s.gone.Store(true)
	var first *dead.Replayed
	slow := dead.NewBox(dead.BoxConfig{Conn: s.conn, Jobs: s.jobs, Turns: s.apart, Catalogue: func() *nodes.Catalogue { return s.kinds() }, Admit: func(ctx context.Context, _ string, _ recipe.JobID, prepare func(context.Context) (*coordinator.Spec, error)) (job coordinator.Job, again bool, err error) {
		if first, err = s.replay(dead.Replaying{Job: "one"}); err == nil {
			_, err = prepare(ctx)
		}
		return job, again, err
	}})
	_, err := slow.Replay(s.ctx, dead.Replaying{Job: "one"})
	if first == nil || len(first.Jobs) != 1 {
		t.Fatalf("got %+v", first)
	}
	s.fault("the late one", err, coordinator.Conflict, "dead letters of job one are replayed by job "+string(first.Jobs[0].ID))
	if free := s.list("one", dead.Listing{Free: true}); len(free) != 0 {
		t.Errorf("got %d letters that no replay has", len(free))
	}
}
