package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"sluice/internal/bus/bustest"
	"sluice/internal/figures"
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
	asked, struck int
	runs, same    int             // that came to their end, and that made what the undisturbed one does
	frames        []int64         // committed behind the checkpoints, after each kill
	twice         []int64         // records that a resumed process read though they had been read
	bound         int64           // on those: open splits × their window × records of a frame
	progress      []time.Duration // from the start of the resumed process to what the killed one had not done
}

func (y *tally) String() string {
	return fmt.Sprintf("%d of %d kills, %d of %d outputs identical; read twice at most %d records (median %d, bound %d); resume to progress at most %v (median %v)",
		y.struck, y.asked, y.same, y.runs, most(y.twice), median(y.twice), y.bound, most(y.progress).Round(time.Millisecond), median(y.progress).Round(time.Millisecond))
}

// killed adds what a kill left.
func (s *scene) killed(y *tally, left remains) {
	y.struck++
	y.frames = append(y.frames, left.frames)
	y.bound = max(y.bound, left.open*left.window*int64(s.frame))
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

// promptly is how soon a resumed job must do what the killed one had not done.
const promptly = 2 * time.Second

// resume goes on with a killed job to its end. Progress is what the killed process had
// not done: more bytes written, or more records taken.
func (s *scene) resume(t testing.TB, dir string, left remains, y *tally) {
	t.Helper()
	written := s.written(dir)
	p := s.run(t, dir, "--resume", "--log-level", "debug")
	if p.lively(func() bool { return s.written(dir) > written || p.news() > left.taken }) {
		took := time.Since(p.began)
		y.progress = append(y.progress, took)
		if took > bustest.Within(promptly) {
			t.Errorf("the resumed job read on after %v, want at most %v", took, promptly)
		}
	}
	p.want(t, 0)
	y.twice = append(y.twice, readTwice(t, p.stderr.String()))
}

// readTwice adds up, from the log of a resumed process, the records that its sources read
// and found committed.
func readTwice(t testing.TB, log string) (records int64) {
	t.Helper()
	for _, m := range splitLeft.FindAllStringSubmatch(log, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		records += n
	}
	return records
}

var splitLeft = regexp.MustCompile(`"split left".*"read_twice":(\d+)`)

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

// TestB10KilledOnce kills each recipe at moments spread over its undisturbed time, once a
// run, and resumes.
func TestB10KilledOnce(t *testing.T) {
	for i := range scenes {
		s := &scenes[i]
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calm := s.calm(t)
			n := kills(t)
			y := tally{asked: n}
			for k := range n {
				s.killOnce(t, calm, 0.05+0.9*float64(k)/float64(max(1, n-1)), &y)
			}
			s.report(t, &y)
		})
	}
}

// report prints what was measured and holds it against the bounds.
func (s *scene) report(t *testing.T, y *tally) {
	t.Helper()
	figures.Note(t, "%v", y)
	if y.struck < y.asked {
		t.Errorf("%d kills struck, want %d", y.struck, y.asked)
	}
	if most(y.twice) > y.bound {
		t.Errorf("%d records were read twice after a kill, bound %d", most(y.twice), y.bound)
	}
	if most(y.frames) > 0 && most(y.twice) == 0 && len(y.twice) == len(y.frames) {
		t.Errorf("a kill left %d frames to be read again, and no resumed process tells of one", most(y.frames))
	}
}

// tries is how often a kill may come too late: the next try is at an earlier moment.
const tries = 6

// killOnce kills the scene at a share of its time and resumes. A run that is over before
// that moment was faster than the undisturbed one, and gives the time for the next try.
func (s *scene) killOnce(t *testing.T, calm undisturbed, share float64, y *tally) {
	t.Helper()
	whole := calm.took
	for range tries {
		dir := t.TempDir()
		s.lay(t, dir)
		p := s.run(t, dir, "--resume") // nothing stored: it starts
		alive := p.until(time.Duration(share * float64(whole)))
		if alive {
			p.kill()
			left := inspect(t, filepath.Join(dir, "data"))
			s.killed(y, left)
			s.resume(t, dir, left, y)
		} else {
			p.want(t, 0)
			whole = min(whole, p.took) * 9 / 10
		}
		if !same(t, s.results(t, dir), calm.want) {
			t.Fatalf("killed at %.0f %% of %v", 100*share, whole)
		}
		os.RemoveAll(dir)
		if alive {
			y.runs, y.same = y.runs+1, y.same+1
			return
		}
	}
}

// TestB10KilledOften kills one run many times, and another one when it ends before it was
// killed as often as it should be.
func TestB10KilledOften(t *testing.T) {
	for _, s := range some(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calm := s.calm(t)
			y := tally{asked: max(3, kills(t)/2)}
			for range y.asked { // each run is killed once at least, or there would be no end
				if s.killOften(t, calm, &y); y.struck == y.asked || t.Failed() {
					break
				}
			}
			s.report(t, &y)
		})
	}
}

// killOften kills a run until it ends, or was killed as often as is asked for.
func (s *scene) killOften(t *testing.T, calm undisturbed, y *tally) {
	t.Helper()
	dir := t.TempDir()
	s.lay(t, dir)
	defer os.RemoveAll(dir)
	for k := 0; ; k++ {
		if y.struck == y.asked {
			s.resume(t, dir, inspect(t, filepath.Join(dir, "data")), y)
			break
		}
		p := s.run(t, dir, "--resume", "--log-level", "debug")
		// Start-up is part of every run, so each gets a little further.
		if !p.until(calm.took/4 + calm.took*time.Duration(k%3)/8) {
			p.want(t, 0)
			y.twice = append(y.twice, readTwice(t, p.stderr.String()))
			break
		}
		p.kill()
		s.killed(y, inspect(t, filepath.Join(dir, "data")))
	}
	y.runs++
	if same(t, s.results(t, dir), calm.want) {
		y.same++
	}
}
