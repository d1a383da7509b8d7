package crash

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"sluice/coordinator/compile"
	"sluice/internal/figures"
	"sluice/internal/solo"
	"sluice/nodes/all"
	"sluice/recipe"
	"sluice/worker"
)

var points = []worker.Point{worker.AfterReceive, worker.BeforeCommit, worker.AfterCommit, worker.BeforePublish, worker.AfterPublish, worker.BeforeAck, worker.BeforeSave}

// Times that a dead worker's frames and reigns are waited for, short so that tests are.
const (
	shortAckWait = 400 * time.Millisecond
	shortLease   = 600 * time.Millisecond
)

// compiled compiles a scene's recipe in its folder.
func (s *scene) compiled(t testing.TB, dir string) *recipe.Plan {
	t.Helper()
	plan, faults := compile.Compile("recipe.yaml", []byte(s.recipe), compile.Options{
		Catalogue: all.Catalogue(), Frame: recipe.FrameLimits{Records: s.frame, Bytes: recipe.FrameBytes},
		Load: func(_, ref string) (string, []byte, error) {
			text, err := os.ReadFile(filepath.Join(dir, ref))
			return ref, text, err
		}})
	if plan == nil {
		t.Fatal(faults)
	}
	return plan
}

// strikes is a failpoint that strikes now and then, so often at each step.
type strikes struct {
	mu    sync.Mutex
	rnd   *rand.Rand
	at    worker.Point // "" for all
	left  map[int]int
	armed map[int]bool // behindSave: the next place of the step strikes
	hit   map[worker.Point]int
	past  map[worker.Point]int // passes of each place, strikes among them
}

// behindSave strikes at the first place that a step comes to behind a save: what a
// checkpoint says too much is lost there.
const behindSave worker.Point = "behind save"

// newStrikes returns a failpoint whose strikes are a function of a and b.
func newStrikes(a, b uint64, at worker.Point) *strikes {
	return &strikes{rnd: rand.New(rand.NewPCG(a, b)), at: at, left: map[int]int{}, armed: map[int]bool{}, hit: map[worker.Point]int{}, past: map[worker.Point]int{}}
}

// check wants every point struck that this failpoint is for, and each strike's loop dead,
// as its worker's log has it.
func (k *strikes) check(t testing.TB, log string) {
	t.Helper()
	want := points
	switch k.at {
	case "":
	case behindSave: // any point will do
		want = nil
	default:
		want = []worker.Point{k.at}
	}
	all := 0
	for _, n := range k.hit {
		all += n
	}
	if all == 0 {
		t.Errorf("the failpoint at %q has not struck", k.at)
	}
	for _, p := range want {
		if k.hit[p] == 0 {
			t.Errorf("no loop was struck at %q: %v", p, k.hit)
		}
	}
	if !strings.Contains(log, "killed at ") {
		t.Errorf("no loop died, though they were struck at %v", k.hit)
	}
}

func (k *strikes) fail(p worker.Point, step int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.left[step]; !known {
		k.left[step] = 3
	}
	if k.at == behindSave {
		strikes := k.armed[step] && p != worker.BeforeSave && k.left[step] > 0
		if k.armed[step] = p == worker.BeforeSave && k.rnd.IntN(2) == 0; strikes {
			k.left[step]--
			k.hit[p]++
		}
		return strikes
	}
	if k.at != "" && p != k.at {
		return false
	}
	every := 40
	if p == worker.BeforeSave { // there are few
		every = 3
	}
	k.past[p]++
	sure := k.past[p] >= every && k.hit[p] == 0 // chance and other strikes may pass a point over
	if !sure && (k.left[step] == 0 || k.rnd.IntN(every) != 0) {
		return false
	}
	k.left[step] = max(0, k.left[step]-1)
	k.hit[p]++
	return true
}

// solo runs the scene in this process, and returns what it logged too.
func (s *scene) solo(t testing.TB, dir string, c solo.Config) (p recipe.Progress, said string) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var log lockedBuffer
	c.Plan, c.Catalogue, c.Root = s.compiled(t, dir), all.Catalogue(), root
	c.AckWait, c.Lease, c.Stall = shortAckWait, shortLease, 30*time.Second
	c.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &log,
		Exclude: func(_ hclog.Level, msg string, _ ...any) bool {
			return strings.Contains(msg, "onnection closed") || strings.Contains(msg, "Ping Timer")
		}})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p, err = solo.Run(ctx, c)
	if err != nil || p.State != recipe.JobSucceeded {
		t.Fatalf("the job is %s (%s), err %v\n%s", p.State, p.Reason, err, tail(log.String(), 6000))
	}
	return p, log.String()
}

// TestFailpoints kills steps' loops at each point between two effects.
func TestFailpoints(t *testing.T) {
	for i := range scenes {
		s := &scenes[i]
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			want := s.calm(t).want
			struck := map[worker.Point]int{}
			for n, at := range append([]worker.Point{"", behindSave}, points...) {
				if n > 1 && kills(t) <= 5 && (i+n)%4 != 0 { // the short form: each point in some recipes
					continue
				}
				k := newStrikes(uint64(i), uint64(n), at)
				dir := t.TempDir()
				s.lay(t, dir)
				began := time.Now()
				p, said := s.solo(t, dir, solo.Config{Fail: k.fail})
				k.check(t, said)
				if !same(t, s.results(t, dir), want) {
					t.Fatalf("killed at %q: %v", at, k.hit)
				}
				if s.letters == 0 && p.Dead() > 0 {
					t.Errorf("%d dead letters", p.Dead())
				}
				t.Logf("killed at %v: same output after %v", k.hit, time.Since(began).Round(time.Millisecond))
				for p, times := range k.hit {
					struck[p] += times
				}
			}
			figures.Note(t, "loops killed at %v, outputs identical", struck)
		})
	}
}
