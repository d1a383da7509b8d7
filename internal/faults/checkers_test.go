//go:build linux

package faults

import (
	"strings"
	"testing"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// TestCheckers: each checker is content with what is right, and names what is wrong.
func TestCheckers(t *testing.T) {
	const want = "a\nb\nc\n"
	chain := func(in ...int64) *recipe.Progress {
		p := &recipe.Progress{}
		for i, n := range in {
			s := recipe.StepProgress{Node: string(rune('a' + i)), In: n}
			if i+1 < len(in) {
				s.Out = 3
			}
			p.Steps = append(p.Steps, s)
		}
		return p
	}
	job := func(s recipe.JobState) *coordinator.Job {
		return &coordinator.Job{Status: coordinator.Status{State: s}}
	}
	dropped, dead := chain(3, 3, 3), chain(3, 3, 3)
	dead.Steps[1].Dead = 1
	dropped.Steps[1].Dropped = 1
	for _, row := range []struct {
		name string
		err  error
		says string // "" when it is content
	}{
		{"the same", sameOutput([]byte(want), []byte(want)), ""},
		{"lost", sameOutput([]byte("a\nc\n"), []byte(want)), "1 records are missing and 0 are too many"},
		{"doubled", sameOutput([]byte("a\nb\nb\nc\n"), []byte(want)), "0 records are missing and 1 are too many"},
		{"another order", sameOutput([]byte("b\na\nc\n"), []byte(want)), "differs at byte 0"},
		{"succeeded", ended(job(recipe.JobSucceeded)), ""},
		{"runs on", ended(job(recipe.JobRunning)), "stuck"},
		{"failed", ended(job(recipe.JobFailed)), "has failed"},
		{"rests", ended(job(recipe.JobStopped)), "has stopped"},
		{"balanced", conserved(chain(3, 3, 3), 3, 3, 0), ""},
		{"lost on an edge", conserved(chain(3, 2, 3), 3, 3, 0), "a gave 3 records, and b took 2"},
		{"doubled on an edge", conserved(chain(3, 3, 4), 3, 3, 0), "b gave 3 records, and c took 4"},
		{"dead", conserved(dead, 3, 3, 1), ""},
		{"dead, and must not be", conserved(dead, 3, 3, 0), "b lost records"},
		{"too few dead", conserved(dead, 3, 3, 2), "1 records too few are dead letters"},
		{"dropped", conserved(dropped, 3, 3, 0), "b lost records"},
		{"read too little", conserved(chain(2, 3, 3), 3, 3, 0), "read 2 records of 3"},
		{"wrote too little", conserved(chain(3, 3, 3), 3, 4, 0), "took 3 records of 4"},
		{"unknown", conserved(nil, 3, 3, 0), "no progress"},
		{"told", toldOnce([]recipe.JobState{recipe.JobRunning, recipe.JobStopped, recipe.JobRunning, recipe.JobSucceeded}, recipe.JobSucceeded), ""},
		{"told twice", toldOnce([]recipe.JobState{recipe.JobSucceeded, recipe.JobSucceeded}, recipe.JobSucceeded), "2 ends"},
		{"not told", toldOnce([]recipe.JobState{recipe.JobRunning}, recipe.JobSucceeded), "0 ends"},
		{"nothing told", toldOnce(nil, recipe.JobSucceeded), "0 ends"},
		{"something behind it", toldOnce([]recipe.JobState{recipe.JobSucceeded, recipe.JobRunning}, recipe.JobSucceeded), "1 ends"},
		{"as many", leaks("w", 50, 50+moreGoroutines), ""},
		{"leaks", leaks("w", 50, 51+moreGoroutines), "goroutines at rest"},
	} {
		if row.says == "" && row.err != nil || row.says != "" && (row.err == nil || !strings.Contains(row.err.Error(), row.says)) {
			t.Errorf("%s: got %v, want %q", row.name, row.err, row.says)
		}
	}
}

// TestOrphansAreSeen leaves a stream of a job behind.
func TestOrphansAreSeen(t *testing.T) {
	ctx, conn := bustest.Context(t), bustest.Conn(t, bustest.InProcess)
	names := bus.Names{Job: "abc"}
	if err := orphans(ctx, conn, []recipe.JobID{"abc"}); err != nil {
		t.Error(err)
	}
	if err := conn.EnsureStream(ctx, bus.StreamConfig{Name: names.Prefix() + "X", Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if err := orphans(ctx, conn, []recipe.JobID{"abc"}); err == nil {
		t.Error("a stream that is left was not seen")
	}
}
