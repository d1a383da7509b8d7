package crash

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/internal/bus"
	"sluice/internal/figures"
)

// TestKilledAtStart kills while the job is provisioned: streams and consumers half made.
func TestKilledAtStart(t *testing.T) {
	t.Parallel()
	s := scenery(t, "merging")
	calm := s.calm(t)
	n := kills(t)
	for k := range n {
		dir := t.TempDir()
		s.lay(t, dir)
		streams := func() int {
			all, _ := filepath.Glob(filepath.Join(dir, "data", "jetstream", "*", "streams", "*", "*"))
			return len(all)
		}
		for _, made := range []int{k * 40 / n, 0} { // what is made stays, so the second has less to make
			p := s.run(t, dir, "--resume")
			before := streams()
			if !p.lively(func() bool { return streams() > before+made }) && made > 0 {
				t.Fatalf("it ended before it had made %d files of streams", made)
			}
			p.kill()
		}
		s.run(t, dir, "--resume").want(t, 0)
		if !same(t, s.results(t, dir), calm.want) {
			t.Fatalf("killed with about %d files of streams", k*40/n)
		}
		os.RemoveAll(dir)
	}
}

// TestHalfMadeStream resumes where a stream's own files are missing or cut, as a kill
// leaves them while a stream is made, and once more when that was killed on its way.
func TestHalfMadeStream(t *testing.T) {
	t.Parallel()
	s := scenery(t, "merging")
	calm := s.calm(t)
	harm := map[string]func(t *testing.T, stream string){
		"no meta.inf": func(t *testing.T, stream string) { remove(t, filepath.Join(stream, "meta.inf")) },
		"no meta.sum": func(t *testing.T, stream string) { remove(t, filepath.Join(stream, "meta.sum")) },
		"nothing": func(t *testing.T, stream string) {
			remove(t, filepath.Join(stream, "meta.inf"))
			remove(t, filepath.Join(stream, "meta.sum"))
		},
		"empty meta.inf": func(t *testing.T, stream string) { write(t, filepath.Join(stream, "meta.inf"), nil) },
		"half meta.inf": func(t *testing.T, stream string) {
			path := filepath.Join(stream, "meta.inf")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, b[:len(b)/2])
		},
		"empty meta.sum": func(t *testing.T, stream string) { write(t, filepath.Join(stream, "meta.sum"), nil) },
	}
	for name, do := range harm {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s.lay(t, dir)
			p := s.run(t, dir)
			var made []string
			p.lively(func() bool {
				made, _ = filepath.Glob(filepath.Join(dir, "data", "jetstream", "*", "streams", "SLUICE_*_*", "meta.sum"))
				return len(made) > 3
			})
			p.kill()
			harmed := 0
			for _, path := range made {
				stream := filepath.Dir(path)
				if info, err := os.Stat(filepath.Join(stream, "msgs", "1.blk")); err != nil || info.Size() == 0 { // nothing in it yet
					do(t, stream)
					harmed++
				}
			}
			if harmed == 0 {
				t.Fatal("no stream was empty: nothing is shown")
			}
			s.killHalfway(t, dir, calm)
			s.run(t, dir, "--resume").want(t, 0)
			same(t, s.results(t, dir), calm.want)
		})
	}
}

// TestStreamMadeAtKill kills while a certain stream is made, behind its settings and before
// their checksum, kills the resume halfway, and resumes once more. Some are made when the job
// begins, others when it needs them.
func TestStreamMadeAtKill(t *testing.T) {
	t.Parallel()
	merging, live := scenery(t, "merging"), liveScene(t)
	for _, row := range []struct {
		s      *scene
		stream string
	}{{merging, "JOBS"}, {merging, "*_LEDGER"}, {merging, "*_STATE"}, {merging, "*_JOURNAL"}, {merging, "*_SPLITS"}, {merging, "*_E*"},
		{live, "*_INPUT"}, {live, "*_DEAD"}, {live, "*_VALUES"}} {
		s, calm := row.s, row.s.calm(t)
		t.Run(row.stream, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s.lay(t, dir)
			p := s.run(t, dir, "--resume")
			var made []string
			if !p.lively(func() bool {
				made, _ = filepath.Glob(filepath.Join(dir, "data", "jetstream", "*", "streams", "SLUICE_"+row.stream, "meta.inf"))
				return len(made) > 0
			}) {
				t.Fatal("the stream was never made")
			}
			p.kill()
			for _, path := range made {
				if err := os.Remove(filepath.Join(filepath.Dir(path), "meta.sum")); err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
			}
			s.killHalfway(t, dir, calm)
			s.run(t, dir, "--resume").want(t, 0)
			same(t, s.results(t, dir), calm.want)
			if s == live {
				checkLive(t, filepath.Join(dir, "data"))
			}
		})
	}
}

// TestNoChecksums resumes where no stream has the checksum of its settings, as an older
// version may have left them, with what they hold.
func TestNoChecksums(t *testing.T) {
	t.Parallel()
	s := scenery(t, "merging")
	calm := s.calm(t)
	dir := t.TempDir()
	s.lay(t, dir)
	s.killHalfway(t, dir, calm)
	sums, _ := filepath.Glob(filepath.Join(dir, "data", "jetstream", "*", "streams", "*", "meta.sum"))
	if len(sums) == 0 {
		t.Fatal("there are no streams: nothing is shown")
	}
	for _, path := range sums {
		remove(t, path)
	}
	s.run(t, dir, "--resume").want(t, 0)
	same(t, s.results(t, dir), calm.want)
}

// killHalfway resumes, and kills when half of the records are through.
func (s *scene) killHalfway(t *testing.T, dir string, calm undisturbed) {
	t.Helper()
	var size int64
	for _, want := range calm.want {
		size += int64(len(want))
	}
	p := s.run(t, dir, "--resume")
	if !p.lively(func() bool { return s.written(dir) > size/2 }) {
		t.Fatalf("it ended before half of it was written\n%s", tail(p.stderr.String(), 4000))
	}
	p.kill()
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestKilledAtEnd kills from the moment that the output appears: between its rename and
// the last commits, while the end is written, and while the streams are swept.
func TestKilledAtEnd(t *testing.T) {
	for _, name := range []string{"append", "merging"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scenery(t, name)
			calm := s.calm(t)
			n := kills(t)
			y := tally{asked: n}
			end := 200 * time.Millisecond // from there to the exit, about: each run tells
			for k := range n {
				end = s.killAtEnd(t, calm, float64(k)/float64(n), end, &y)
			}
			figures.Note(t, "%d of %d kills between the output's appearance and the exit, %d outputs identical", y.struck, n, y.same)
			if y.struck < n {
				t.Errorf("%d kills struck, want %d", y.struck, n)
			}
		})
	}
}

// killAtEnd kills at a share of the time between the output's appearance and the exit. It
// returns how long that time is, as far as it has seen.
func (s *scene) killAtEnd(t *testing.T, calm undisturbed, share float64, end time.Duration, y *tally) time.Duration {
	t.Helper()
	for range 2 * tries {
		dir := t.TempDir()
		s.lay(t, dir)
		p := s.run(t, dir, "--resume")
		seen := p.lively(func() bool { return s.appeared(dir) })
		at := time.Since(p.began)
		struck := seen && p.until(at+time.Duration(share*float64(end)))
		p.kill()
		if seen && !struck {
			end = min(end, p.took-at) * 9 / 10
		}
		s.run(t, dir, "--resume").want(t, 0)
		if !same(t, s.results(t, dir), calm.want) {
			t.Fatalf("killed at %.0f %% of the %v behind the rename", 100*share, end)
		}
		os.RemoveAll(dir)
		if struck {
			y.struck++
			y.same++
			break
		}
	}
	return end
}

// appeared reports whether an output has got its name, or a mark of an append was removed.
func (s *scene) appeared(dir string) bool {
	for _, name := range s.outputs {
		if _, before := s.more[name]; before {
			marks, _ := filepath.Glob(filepath.Join(dir, "."+name+".*"))
			info, err := os.Stat(filepath.Join(dir, name))
			if err == nil && len(marks) == 0 && info.Size() > int64(len(s.more[name])) {
				return true
			}
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// TestSplitsWaitOnce shows that a resume does not queue a split a second time, however
// long ago the first was: an id that the server forgets would not do.
func TestSplitsWaitOnce(t *testing.T) {
	t.Parallel()
	s := scenery(t, "splits")
	dir := t.TempDir()
	s.lay(t, dir)
	p := s.run(t, dir)
	p.lively(func() bool { return s.written(dir) > 0 })
	p.kill()
	opened(t, filepath.Join(dir, "data"), func(ctx context.Context, conn *bus.Conn, rec *bus.JobRecord) {
		names := bus.Names{Job: rec.Job}
		pub, err := conn.NewPublisher()
		if err != nil {
			t.Fatal(err)
		}
		defer pub.Close()
		waiting, err := conn.SubjectCounts(ctx, names.Splits(), names.SplitsAll())
		if err != nil || len(waiting) == 0 {
			t.Fatalf("no split waits: %v", err)
		}
		for subject := range waiting {
			if out := pub.PutSync(ctx, bus.Put{Subject: subject, Data: []byte("{}")}); !errors.Is(out.Err, bus.ErrFull) {
				t.Errorf("%s takes a second message: %v", subject, out.Err)
			}
		}
	})
}
