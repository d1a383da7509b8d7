package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// undisturbed is what a scene makes when nothing is killed, and how long that takes.
type undisturbed struct {
	want map[string][]byte
	took time.Duration
}

// calm returns what the scene makes without a kill. It is run once, by the first who asks.
func (s *scene) calm(t testing.TB) undisturbed {
	t.Helper()
	s.once.Do(func() {
		dir := t.TempDir()
		s.lay(t, dir)
		p := s.run(t, dir)
		p.want(t, 0)
		took := time.Since(p.began)
		s.calmed = undisturbed{s.results(t, dir), took}
	})
	for name, b := range s.calmed.want {
		if len(b) == 0 {
			t.Fatalf("%s is empty: the scene shows nothing", name)
		}
	}
	if s.calmed.took == 0 {
		t.Fatal("there is no undisturbed run to compare with")
	}
	return s.calmed
}

// tally is what was measured over the kills of a scene.
type tally struct {
	struck, missed int
	frames         []int64 // cut again, after each kill
	records        []int64
	window         int64
	progress       []time.Duration // from the start of the resumed process to what the killed one had not done
}

func (y *tally) add(r remains) {
	y.struck++
	y.frames, y.records = append(y.frames, r.frames), append(y.records, r.records)
	y.window = max(y.window, r.window)
}

func (y *tally) String() string {
	return fmt.Sprintf("%d kills (%d too late); frames cut again a kill: median %d, most %d (window %d); records: median %d, most %d; resume to progress: median %v, most %v",
		y.struck, y.missed, median(y.frames), most(y.frames), y.window, median(y.records), most(y.records), median(y.progress).Round(time.Millisecond), most(y.progress).Round(time.Millisecond))
}

func median[T int64 | time.Duration](all []T) T {
	if len(all) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

func most[T int64 | time.Duration](all []T) T {
	if len(all) == 0 {
		return 0
	}
	return slices.Max(all)
}

// slow is how long the first progress of a resumed job may take on a machine that does a
// lot beside; the measured time is printed.
const slow = 10 * time.Second

// resume goes on with a killed job to its end. Progress is what the killed process had
// not done: more bytes written, or more records taken.
func (s *scene) resume(t testing.TB, dir string, left remains, y *tally) {
	t.Helper()
	written := s.written(dir)
	p := s.run(t, dir, "--resume")
	if p.lively(func() bool { return s.written(dir) > written || p.news() > left.taken }) {
		took := time.Since(p.began)
		y.progress = append(y.progress, took)
		if took > slow {
			t.Errorf("the resumed job read on after %v", took)
		}
	}
	p.want(t, 0)
}

// written is the size of what the scene's sinks have written so far.
func (s *scene) written(dir string) (size int64) {
	for _, name := range s.outputs {
		parts, _ := filepath.Glob(filepath.Join(dir, "."+name+".*.part"))
		for _, path := range append(parts, filepath.Join(dir, name)) {
			if info, err := os.Stat(path); err == nil {
				size += info.Size()
			}
		}
	}
	return size
}

// TestKilledOnce kills each recipe at moments spread over its undisturbed time, once a
// run, and resumes.
func TestKilledOnce(t *testing.T) {
	for i := range scenes {
		s := &scenes[i]
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calm := s.calm(t)
			var y tally
			n := kills(t)
			for k := range n {
				share := 0.05 + 0.9*float64(k)/float64(max(1, n-1))
				s.killOnce(t, calm, time.Duration(share*float64(calm.took)), &y)
			}
			s.report(t, calm, &y)
		})
	}
}

// report prints what was measured and holds it against the bounds.
func (s *scene) report(t *testing.T, calm undisturbed, y *tally) {
	t.Helper()
	t.Logf("%s: undisturbed %v; %v", s.name, calm.took.Round(time.Millisecond), y)
	if y.struck == 0 {
		t.Error("no kill struck")
	}
	if y.window > 0 && most(y.frames) > y.window {
		t.Errorf("%d frames were cut again after a kill; the source's window is %d", most(y.frames), y.window)
	}
}

func (s *scene) killOnce(t *testing.T, calm undisturbed, at time.Duration, y *tally) {
	t.Helper()
	for try := 0; ; try++ { // a run that is faster than the calm one is killed earlier
		dir := t.TempDir()
		s.lay(t, dir)
		p := s.run(t, dir, "--resume") // nothing stored: it starts
		alive := p.until(at)
		if alive {
			p.kill()
			left := inspect(t, filepath.Join(dir, "data"))
			y.add(left)
			s.resume(t, dir, left, y)
		} else {
			p.want(t, 0)
		}
		if !same(t, s.results(t, dir), calm.want) {
			t.Fatalf("killed at %v of %v", at, calm.took)
		}
		os.RemoveAll(dir)
		if alive {
			return
		}
		if try == 2 {
			y.missed++
			return
		}
		at = at * 9 / 10
	}
}

// TestKilledOften kills one run many times.
func TestKilledOften(t *testing.T) {
	for _, s := range some(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calm := s.calm(t)
			dir := t.TempDir()
			s.lay(t, dir)
			var y tally
			var left remains
			n := max(3, kills(t)/2)
			for k := range n {
				p := s.run(t, dir, "--resume")
				// Start-up is part of every run, so each gets a little further.
				if !p.until(calm.took/4 + calm.took*time.Duration(k%3)/8) {
					p.want(t, 0)
					y.missed++
					break
				}
				p.kill()
				left = inspect(t, filepath.Join(dir, "data"))
				y.add(left)
			}
			s.resume(t, dir, left, &y)
			same(t, s.results(t, dir), calm.want)
			s.report(t, calm, &y)
		})
	}
}
