package library_test

import (
	"context"
	"testing"

	"sluice/coordinator"
	"sluice/coordinator/library"
	"sluice/internal/bus/bustest"
	"sluice/recipe"
)

// takesBack calls a function before a job is taken back.
type takesBack struct {
	library.Jobs
	before func()
}

// TakeBack implements library.Jobs.
func (w *takesBack) TakeBack(ctx context.Context, id recipe.JobID, why *coordinator.Fault) (bool, error) {
	w.before()
	return w.Jobs.TakeBack(ctx, id, why)
}

// TestAskedMeanwhile asks under the key of a job that is about to be taken back, at another
// coordinator: both requests are told the same, be it that the job does not fit there either, that it
// does, or that its writer takes long to say so.
func TestAskedMeanwhile(t *testing.T) {
	t.Parallel()
	const signs = "nodes:\n  n: {kind: string_generator, config: {count: 1}}\n  h: {kind: hmac, from: n, config: {key: '${secret:tok}'}}\n  out: {kind: printer, from: h}\n"
	type answer struct {
		job   coordinator.Job
		again bool
		err   error
	}
	for name, c := range map[string]struct {
		fits bool // at the other coordinator
		late bool // the writer takes the job back when the other one was answered
		want coordinator.Family
	}{
		"it does not fit":       {false, false, coordinator.Conflict},
		"it fits by now":        {true, true, ""},
		"its writer takes long": {false, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, asked, written := bustest.Server(t), 0, make(chan answer, 1)
			s := library.Submission{Owner: "ann", Key: "k", Document: &library.Document{Text: signs}}
			looked := make(chan struct{}, 100)
			b := open(t, bustest.Connect(t, server), func(l *library.Config) {
				l.Secret = func(context.Context, string) (bool, error) { looked <- struct{}{}; return c.fits, nil }
			})
			ask := func() {
				job, again, err := b.Submit(b.ctx, s)
				written <- answer{job, again, err}
			}
			a := open(t, bustest.Connect(t, server), func(l *library.Config) {
				l.Secret = func(context.Context, string) (bool, error) { asked++; return asked < 2, nil }
				l.Jobs = &takesBack{l.Jobs, func() {
					if c.late {
						ask()
					} else {
						go ask()
						bustest.Wait(t, "the other one's look", looked)
					}
				}}
			})
			job, _, err := a.Submit(a.ctx, s)
			other := bustest.Wait(t, "the other answer", written)
			if got := coordinator.FamilyOf(err); got != c.want || coordinator.FamilyOf(other.err) != got {
				t.Fatalf("got %v and %v, want %q", err, other.err, c.want)
			}
			want, at := coordinator.WantGone, a
			if c.want == "" {
				want, at = coordinator.WantRun, b
				if other.job.ID != job.ID || !other.again {
					t.Errorf("got %+v, want job %s again", other, job.ID)
				}
			}
			at.jobs.All(func(j coordinator.Job) bool {
				if j.Want != want {
					t.Errorf("job %s is wanted to %s, not to %s", j.ID, j.Want, want)
				}
				return true
			})
			if again, _, err := a.Submit(a.ctx, s); coordinator.FamilyOf(err) != c.want || again.ID != job.ID {
				t.Errorf("asked later: got %v, %v", again.ID, err)
			}
		})
	}
}
