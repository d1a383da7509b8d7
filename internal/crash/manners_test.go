package crash

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/bus/bustest"
	"sluice/internal/figures"
)

// scenery returns the scene of a name.
func scenery(t testing.TB, name string) *scene {
	t.Helper()
	for i := range scenes {
		if scenes[i].name == name {
			return &scenes[i]
		}
	}
	t.Fatalf("no scene %s", name)
	return nil
}

// every returns all scenes, some in the short form a few that differ.
func every() (all []*scene) {
	for i := range scenes {
		all = append(all, &scenes[i])
	}
	return all
}

func some(t testing.TB) []*scene {
	if kills(t) > 5 {
		return every()
	}
	return []*scene{scenery(t, "stateful"), scenery(t, "merging"), scenery(t, "splits")}
}

// snapshot is what a folder's files are and when they were written.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && path == filepath.Join(dir, "data") {
			return fs.SkipDir
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		all[path] = info.ModTime().String() + string(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestResumeOfFinished shows that going on with a finished job is done at once, and
// touches nothing.
func TestResumeOfFinished(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"stateless", "append"} {
		s := scenery(t, name)
		dir := t.TempDir()
		s.lay(t, dir)
		s.run(t, dir, "--resume").want(t, 0)
		want := snapshot(t, dir)
		for range 3 {
			s.run(t, dir, "--resume").want(t, 0)
		}
		got := snapshot(t, dir)
		for path, w := range want {
			if got[path] != w {
				t.Errorf("%s was written by a resume of the finished job", path)
			}
		}
		if len(got) != len(want) {
			t.Errorf("a resume of the finished job made files: %d, want %d", len(got), len(want))
		}
	}
}

// TestRefused shows what is refused on a folder with an unfinished job.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := scenery(t, "append")
	calm := s.calm(t)
	dir := t.TempDir()
	s.lay(t, dir)
	p := s.run(t, dir)
	if !p.lively(func() bool { return s.written(dir) > int64(len(s.more["out.txt"])) }) {
		t.Fatalf("it ended before anything was written\n%s", p.stderr.String())
	}
	for _, more := range [][]string{nil, {"--resume"}} {
		second := s.run(t, dir, more...)
		second.want(t, 3)
		if !strings.Contains(second.stderr.String(), "another process is using the folder") {
			t.Errorf("a second process is told: %s", second.stderr.String())
		}
	}
	p.kill()
	before := s.written(dir)
	third := s.run(t, dir)
	third.want(t, 3)
	if !strings.Contains(third.stderr.String(), "--resume") {
		t.Errorf("a run on an unfinished job is told: %s", third.stderr.String())
	}
	if s.written(dir) != before {
		t.Error("a refused run wrote to the output")
	}
	s.run(t, dir, "--resume").want(t, 0)
	same(t, s.results(t, dir), calm.want)
}

// TestInterrupted stops jobs by Ctrl-C at several moments: at rest within 2 s, exit code
// 130, and exact when they go on.
func TestInterrupted(t *testing.T) {
	for _, s := range some(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calm := s.calm(t)
			dir := t.TempDir()
			s.lay(t, dir)
			var stops []time.Duration
			for k := 0; ; k++ {
				p := s.run(t, dir, "--resume")
				if k == 3 {
					p.want(t, 0)
					break
				}
				written := s.written(dir)
				if !p.lively(func() bool { return s.written(dir) > written }) {
					p.want(t, 0)
					break
				}
				asked := time.Now()
				p.interrupt(t)
				code := p.code(t)
				if code == 0 { // it ended by itself
					break
				}
				if code != 130 {
					t.Fatalf("exit code %d, want 130\n%s", code, tail(p.stderr.String(), 4000))
				}
				stops = append(stops, time.Since(asked))
			}
			if len(stops) == 0 { // the second may find it at its end
				t.Error("no run was interrupted")
			}
			if most(stops) > bustest.Within(atRest) {
				t.Errorf("stopped after %v, want at most %v", stops, atRest)
			}
			figures.Note(t, "%d stops, at rest after at most %v", len(stops), most(stops).Round(time.Millisecond))
			same(t, s.results(t, dir), calm.want)
		})
	}
}

// atRest is how soon a job that is told to stop must be at rest.
const atRest = 2 * time.Second

// TestSecondInterrupt leaves at once, and loses nothing.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	s := scenery(t, "append")
	calm := s.calm(t)
	dir := t.TempDir()
	s.lay(t, dir)
	p := s.run(t, dir)
	if !p.lively(func() bool { return s.written(dir) > int64(len(s.more["out.txt"])) }) {
		t.Fatal("it ended before anything was written")
	}
	asked := time.Now()
	p.interrupt(t)
	p.interrupt(t)
	p.want(t, 130)
	if took := time.Since(asked); took > bustest.Within(atRest) {
		t.Errorf("left after %v, want at once", took)
	}
	s.run(t, dir, "--resume").want(t, 0)
	same(t, s.results(t, dir), calm.want)
}
