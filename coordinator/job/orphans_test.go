package job

import (
	"slices"
	"testing"

	"sluice/internal/bus"
	"sluice/recipe"
)

// TestOrphans sweeps beside a job that runs, one whose coordinator died before it had removed what
// it does not need any more, and one that was removed before a stream was made.
func TestOrphans(t *testing.T) {
	runs := provisioned(t, config(t, oneSource))
	conn, ctx := runs.conn, t.Context()
	over := provisioned(t, Config{Conn: conn, Job: "over1", Plan: runs.plan})
	if err := over.chore(ctx, &bus.Chore{Make: bus.LaterDead}); err != nil {
		t.Fatal(err)
	}
	if err := over.write(ctx, recipe.JobSucceeded); err != nil {
		t.Fatal(err)
	}
	gone := bus.Names{Job: "gone"}
	for _, s := range []bus.StreamConfig{onceStream(gone.Dead(), gone.DeadAll(), 1), {Name: "SLUICE_OTHER", Subjects: []string{"other"}}, {Name: "SOMEBODY_ELSE", Subjects: []string{"else"}}} {
		if err := conn.EnsureStream(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	before, err := conn.Streams(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{gone.Dead()}
	for _, name := range over.names.Streams(over.plan) {
		if name != over.names.State() {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	var o Orphans
	for i, want := range [][]string{nil, want, nil} { // a first sweep only looks
		got, err := o.Sweep(ctx, conn)
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("sweep %d: got %v, err %v; want %v", i, got, err, want)
		}
	}
	after, err := conn.Streams(ctx, "")
	if left := slices.DeleteFunc(before, func(s string) bool { return slices.Contains(want, s) }); err != nil || !slices.Equal(after, left) {
		t.Errorf("got streams %v, err %v; want %v", after, err, left)
	}
}
