package solo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/coordinator/compile"
	"sluice/nodes/all"
	"sluice/recipe"
)

// TestNothingIsLeftOfAJobThatIsOver: a job that failed, or that was stopped where nothing
// keeps it, leaves the target as it was and nothing beside it; one that can be gone on
// with keeps what it has written.
func TestNothingIsLeftOfAJobThatIsOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for name, c := range map[string]struct {
		ifExists, old string
		stop, kept    bool
		want          recipe.JobState
	}{
		"failed, replace":        {ifExists: "replace", old: "old", want: recipe.JobFailed},
		"failed, new":            {ifExists: "replace", want: recipe.JobFailed},
		"failed, append":         {ifExists: "append", old: "old", want: recipe.JobFailed},
		"failed, append, new":    {ifExists: "append", want: recipe.JobFailed},
		"failed, kept":           {ifExists: "append", old: "old", kept: true, want: recipe.JobFailed},
		"stopped, replace":       {ifExists: "replace", old: "old", stop: true, want: recipe.JobStopped},
		"stopped, append":        {ifExists: "append", old: "old", stop: true, want: recipe.JobStopped},
		"stopped, append, kept":  {ifExists: "append", old: "old", stop: true, kept: true, want: recipe.JobStopped},
		"stopped, replace, kept": {ifExists: "replace", stop: true, kept: true, want: recipe.JobStopped},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			last := "x\n"
			if c.stop {
				last = strings.Repeat("1\n", 100_000)
			}
			if err := os.WriteFile(filepath.Join(dir, "in"), []byte(strings.Repeat("1\n", 300)+last), 0o644); err != nil {
				t.Fatal(err)
			}
			if c.old != "" {
				if err := os.WriteFile(filepath.Join(dir, "out"), []byte(c.old), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			kinds := all.Catalogue()
			plan, faults := compile.Compile("r.yaml", []byte(`
recipe: numbers
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  {kind: throttle, from: lines, config: {rate: 1000}}
  ints:  {kind: parse_int, from: slow, on_error: fail}
  out:   {kind: file_writer, from: ints, config: {path: out, if_exists: `+c.ifExists+`}}
`), compile.Options{Catalogue: kinds, Frame: recipe.FrameLimits{Records: 20}})
			if plan == nil {
				t.Fatal(faults)
			}
			stop, asked := make(chan struct{}), false
			run := Config{Plan: plan, Catalogue: kinds, Root: root, Stop: stop, Show: func(p recipe.Progress) {
				if c.stop && !asked && written(p) > 0 {
					asked = true
					close(stop)
				}
			}}
			if c.kept {
				run.Dir = filepath.Join(t.TempDir(), "store")
			}
			p, err := Run(ctx, run)
			if err != nil || p.State != c.want || written(p) == 0 {
				t.Fatalf("got %s (%s) with %d records written, %v, want %s", p.State, p.Reason, written(p), err, c.want)
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if c.kept && c.stop {
				if hidden := left[0].Name(); !strings.HasPrefix(hidden, ".out.") {
					t.Errorf("what the job goes on with is gone: %v", left)
				}
				return
			}
			files := "in"
			if c.old != "" {
				files = "in out"
			}
			var names []string
			for _, e := range left {
				names = append(names, e.Name())
			}
			if got := strings.Join(names, " "); got != files {
				t.Errorf("got the files %s, want %s", got, files)
			}
			if got, _ := root.ReadFile("out"); string(got) != c.old {
				t.Errorf("got %.40q in the target, want %q", got, c.old)
			}
		})
	}
}

// written is the number of records that the sink has taken.
func written(p recipe.Progress) uint64 { return uint64(p.Steps[len(p.Steps)-1].In) }
