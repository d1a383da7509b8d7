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
	every int          // one of so many passes
	left  map[int]int
	armed map[int]bool // behindSave: the next place of the step strikes
	hit   map[worker.Point]int
}

// behindSave strikes at the first place that a step comes to behind a save: what a
// checkpoint says too much is lost there.
const behindSave worker.Point = "behind save"

// newStrikes returns a failpoint whose strikes are a function of a and b.
func newStrikes(a, b uint64, at worker.Point) *strikes {
	every := 40
	if at == worker.BeforeSave { // there are few
		every = 3
	}
	return &strikes{rnd: rand.New(rand.NewPCG(a, b)), at: at, every: every, left: map[int]int{}, armed: map[int]bool{}, hit: map[worker.Point]int{}}
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
	if k.at != "" && p != k.at || k.left[step] == 0 || k.rnd.IntN(k.every) != 0 {
		return false
	}
	k.left[step]--
	k.hit[p]++
	return true
}

// solo runs the scene in this process.
func (s *scene) solo(t testing.TB, dir string, c solo.Config) recipe.Progress {
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
	ctx, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	p, err := solo.Run(ctx, c)
	if err != nil || p.State != recipe.JobSucceeded {
		t.Fatalf("the job is %s (%s), err %v\n%s", p.State, p.Reason, err, tail(log.String(), 6000))
	}
	return p
}

// TestFailpoints kills steps' loops at each point between two effects.
func TestFailpoints(t *testing.T) {
	for i := range scenes {
		s := &scenes[i]
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			want := s.calm(t).want
			for n, at := range append([]worker.Point{"", behindSave}, points...) {
				if n > 1 && kills(t) <= 5 && (i+n)%4 != 0 { // the short form: each point in some recipes
					continue
				}
				k := newStrikes(uint64(i), uint64(n), at)
				dir := t.TempDir()
				s.lay(t, dir)
				began := time.Now()
				p := s.solo(t, dir, solo.Config{Fail: k.fail})
				if !same(t, s.results(t, dir), want) {
					t.Fatalf("killed at %q: %v", at, k.hit)
				}
				if s.letters == 0 && p.Dead() > 0 {
					t.Errorf("%d dead letters", p.Dead())
				}
				t.Logf("%s: killed at %v: same output after %v", s.name, k.hit, time.Since(began).Round(time.Millisecond))
			}
		})
	}
}
