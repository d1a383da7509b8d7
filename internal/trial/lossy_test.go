package trial_test

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/figures"
	"sluice/internal/trial"
	"sluice/recipe"
	"sluice/worker"
)

// lossy is a recipe with an edge that may lose: what reads it is slow, and makes a dead
// letter of every seventh record. Two of the publisher's three readers keep up, so the
// 50 % rule does not strike.
type lossy struct {
	dir       string // of its files
	publisher string // lines, the source, or up, a step below it
	edge      string // settings of the edge
}

func (l *lossy) recipe() string {
	up := ""
	if l.publisher == "up" {
		up = "\n  up:    {kind: to_uppercase, from: lines}"
	}
	return fmt.Sprintf(`
recipe: lossy
nodes:
  lines: {kind: file_reader, config: {path: in}}%s
  n:     {kind: parse_int, from: {node: %s, capacity: 4, %s}}
  slow:  {kind: delay, from: {node: n, capacity: 2}, parallel: 1, config: {duration: 2ms}}
  out:   {kind: file_writer, from: slow, config: {path: %sout}}
  all:   {kind: file_writer, from: %s, config: {path: %sall}}
  more:  {kind: file_writer, from: %s, config: {path: %smore}}
`, up, l.publisher, l.edge, l.dir, l.publisher, l.dir, l.publisher, l.dir)
}

// oddLines is the input: numbers, and letters in every seventh line.
func oddLines(n int) string {
	bad := map[int]string{}
	for i := 3; i < n; i += 7 {
		bad[i] = fmt.Sprintf("BAD %d", i)
	}
	return mixed(n, bad)
}

// losses says how many records a lossy edge lost, and how.
type losses struct{ refused, dropped, expired, dead, delivered int64 }

func (l losses) String() string {
	return fmt.Sprintf("%d delivered, %d dropped by the publisher and %d by the gate, %d expired, %d dead", l.delivered, l.refused, l.dropped, l.expired, l.dead)
}

// check compares what became of n records: every one was delivered, once and in order, or
// is counted, exactly; the edges beside have all.
func (l *lossy) check(t *testing.T, r *trial.Rig, res *trial.Result, n int) losses {
	t.Helper()
	res.Succeeded()
	edge, gate, reader := res.Into("n.in~gate"), res.Account("n.in~gate"), res.Account("n")
	got := losses{refused: edge.Lost, dropped: gate.Dropped, expired: gate.Expired, dead: reader.Dead}
	last := -1
	for _, line := range r.Lines(t, l.dir+"out") {
		v, err := strconv.Atoi(line)
		if err != nil || v <= last || v >= n || v%7 == 3 {
			t.Fatalf("got %q behind %d", line, last)
		}
		last = v
		got.delivered++
	}
	if sum := got.refused + got.dropped + got.expired + got.dead + got.delivered; sum != int64(n) || edge.Produced != int64(n) {
		t.Errorf("%d of %d produced records are accounted for: %v", sum, edge.Produced, got)
	}
	if got.dead != int64(len(res.DeadOf("n"))) || got.refused+got.dropped+got.expired != res.Lost() {
		t.Errorf("%d dead letters are stored and %d records shown as lost: %v", len(res.DeadOf("n")), res.Lost(), got)
	}
	for _, name := range []string{"all", "more"} {
		if len(r.Lines(t, l.dir+name)) != n {
			t.Errorf("got %d records on the edge to %s, want %d", len(r.Lines(t, l.dir+name)), name, n)
		}
	}
	return got
}

// TestB4LossyEdges is row B4: it loses records before a slow reader in every way there is, behind a source
// and behind another step: delivered + dropped + expired + dead = produced, exactly, by the
// ledger's fold and by what arrived.
func TestB4LossyEdges(t *testing.T) {
	t.Parallel()
	const n = 1200
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", oddLines(n))
		var all []*lossy
		var jobs []*trial.Job
		for _, publisher := range []string{"lines", "up"} {
			for _, edge := range []string{"overflow: drop_oldest", "overflow: drop_newest", "ttl: 500ms", "overflow: drop_oldest, ttl: 500ms", "overflow: drop_newest, ttl: 500ms"} {
				l := &lossy{fmt.Sprintf("%d/", len(all)), publisher, edge}
				all, jobs = append(all, l), append(jobs, r.Job(t, l.recipe(), trial.Frames(10)))
			}
		}
		for i, res := range atOnce(jobs, 4) {
			l := all[i]
			t.Run(l.edge+" below "+l.publisher, func(t *testing.T) {
				got := l.check(t, r, res, n)
				figures.Note(t, "%v", got)
				if got.delivered == 0 || got.dead == 0 {
					t.Errorf("want some delivered and some dead: %v", got)
				}
				switch l.edge {
				case "overflow: drop_oldest":
					if got.dropped == 0 || got.refused+got.expired > 0 {
						t.Errorf("want records dropped by the gate alone: %v", got)
					}
				case "overflow: drop_newest":
					if got.refused == 0 || got.dropped+got.expired > 0 {
						t.Errorf("want records dropped by the publisher alone: %v", got)
					}
				}
			})
		}
	})
}

// TestSlowReaderSlowsNobody has a reader that is slower than the others by far, on an edge
// that may lose and above an ordered sink: most of what is made passes it by, while it works.
func TestSlowReaderSlowsNobody(t *testing.T) {
	t.Parallel()
	const n = 4000
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "%d"))
		edges := []string{"overflow: drop_oldest, capacity: 1", "overflow: drop_oldest, capacity: 2", "overflow: drop_oldest, capacity: 8",
			"overflow: drop_newest, capacity: 8", "ttl: 200ms"}
		for _, reader := range []string{"{kind: delay, parallel: 1, from: {node: lines, %s}, config: {duration: 2ms}}", "{kind: throttle, from: {node: lines, %s}, config: {rate: 500}}"} {
			var jobs []*trial.Job
			for i, edge := range edges {
				jobs = append(jobs, r.Job(t, fmt.Sprintf(`
recipe: aside
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  %s
  out:   {kind: file_writer, from: slow, config: {path: out%d}}
  all:   {kind: file_writer, from: lines, config: {path: all%[2]d}}
`, fmt.Sprintf(reader, edge), i), trial.Frames(10)))
			}
			for i, res := range atOnce(jobs, 2) {
				res.Succeeded()
				out, lost := len(r.Lines(t, fmt.Sprintf("out%d", i))), int(res.Lost())
				if out+lost != n || out == 0 {
					t.Errorf("%s: %d delivered and %d lost of %d", edges[i], out, lost, n)
				}
				if out > n*3/4 && !testing.Short() { // the race detector slows down who is fast
					t.Errorf("%s: %d delivered of %d, want most of them to pass by", edges[i], out, n)
				}
				if r.Read(t, fmt.Sprintf("all%d", i)) != r.Read(t, "in") {
					t.Errorf("%s: the edge beside has not all", edges[i])
				}
			}
		}
	})
}

// TestGateOfManySplits has an ordered reader below a gate, and a source that reads several
// pieces of a file at once: what comes early waits below, and must not hold back what the
// reader waits for. Nothing is too old, and all arrives, soon.
func TestGateOfManySplits(t *testing.T) {
	t.Parallel()
	trial.Each(t, trial.Config{}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(100_000, "number %d"))
		j := r.Job(t, `
recipe: pieces
nodes:
  lines: {kind: file_reader, config: {path: in, split_bytes: 200000}}
  out:   {kind: file_writer, from: {node: lines, ttl: 10m}, config: {path: out}}
`)
		j.Within = 20 * time.Second // it takes one; at a frame in 250 ms it took two minutes
		if res := j.Run().Succeeded(); res.Lost() != 0 || r.Read(t, "out") != r.Read(t, "in") {
			t.Errorf("%d records were lost, or others are written than were read", res.Lost())
		}
	})
}

// TestB5Expiry is row B5: it discards and counts, exactly, what waits too long while no worker runs that
// could read the edge, alone and together with drops.
func TestB5Expiry(t *testing.T) {
	t.Parallel()
	const n = 1000
	for _, edge := range []string{"ttl: 400ms", "overflow: drop_oldest, ttl: 400ms", "overflow: drop_newest, ttl: 400ms"} {
		t.Run(edge, func(t *testing.T) {
			t.Parallel()
			trial.Each(t, trial.Config{Workers: [][]string{{"file_*"}}}, func(t *testing.T, r *trial.Rig) {
				r.File("in", oddLines(n))
				l := &lossy{"", "lines", edge}
				j := r.Job(t, l.recipe(), trial.Frames(10))
				expired := make(chan struct{})
				var once sync.Once
				j.Show = func(p recipe.Progress) {
					if expiredOf(p) >= 10 {
						once.Do(func() { close(expired) })
					}
				}
				done := j.Start(nil)
				select {
				case <-expired:
				case res := <-done:
					t.Fatalf("the job is %s before anything expired", res.State)
				}
				r.Hire([]string{"gate", "parse_int", "delay"})
				got := l.check(t, r, <-done, n)
				figures.Note(t, "%v", got)
				if got.expired < 10 {
					t.Errorf("got %v, want some expired", got)
				}
			})
		})
	}
}

func expiredOf(p recipe.Progress) (n int64) {
	for _, s := range p.Steps {
		n += s.Expired
	}
	return n
}

// gateStrikes is a failpoint that kills a gate's loop at one point, now and then.
type gateStrikes struct {
	at     worker.Point
	gate   atomic.Int64 // the step
	passed atomic.Int64
	struck atomic.Int64
	most   int64
}

func (g *gateStrikes) fail(p worker.Point, step int) bool {
	if p != g.at || int64(step) != g.gate.Load() || g.passed.Add(1)%25 != 10 {
		return false
	}
	return g.struck.Add(1) <= g.most
}

// arm tells which step of a job's plan is the gate.
func (g *gateStrikes) arm(t *testing.T, j *trial.Job) {
	t.Helper()
	for i := range j.Plan.Steps {
		if j.Plan.Steps[i].Role == recipe.RoleGate {
			g.gate.Store(int64(i))
			return
		}
	}
	t.Fatal("the plan has no gate")
}

// TestGateKilled kills gates between their effects: the count stays exact.
func TestGateKilled(t *testing.T) {
	t.Parallel()
	const n = 1500
	for _, at := range []worker.Point{worker.AfterCommit, worker.BeforePublish, worker.AfterPublish} {
		for _, edge := range []string{"overflow: drop_oldest", "overflow: drop_newest", "overflow: drop_oldest, ttl: 2s"} {
			t.Run(fmt.Sprintf("%s, %s", at, edge), func(t *testing.T) {
				t.Parallel()
				g := &gateStrikes{at: at, most: 4}
				g.gate.Store(-1)
				r := trial.New(t, trial.OneProcess, trial.Config{Fail: g.fail, AckWait: 400 * time.Millisecond})
				r.File("in", oddLines(n))
				l := &lossy{"", "up", edge}
				j := r.Job(t, l.recipe(), trial.Frames(10))
				g.arm(t, j)
				got := l.check(t, r, j.Run(), n)
				t.Logf("killed %d times: %v", min(g.struck.Load(), g.most), got)
				if g.struck.Load() == 0 {
					t.Error("the gate was not struck")
				}
			})
		}
	}
}

// TestPublishedAgain kills a gate behind its commit, and no other gate gets the frames
// again before their time is up: the coordinator publishes what the entries keep.
func TestPublishedAgain(t *testing.T) {
	t.Parallel()
	const n = 400
	g := &gateStrikes{at: worker.BeforePublish, most: 1}
	g.gate.Store(-1)
	r := trial.New(t, trial.OneProcess, trial.Config{Fail: g.fail, AckWait: time.Minute})
	r.File("in", oddLines(n))
	l := &lossy{"", "lines", "ttl: 1s"}
	j := r.Job(t, l.recipe(), trial.Frames(10))
	j.Within = 45 * time.Second // less than AckWait
	g.arm(t, j)
	got := l.check(t, r, j.Run(), n)
	t.Logf("%v", got)
	if g.struck.Load() == 0 {
		t.Error("the gate was not struck")
	}
	if got.expired == n-got.dead {
		t.Errorf("got %v, want what was committed to arrive", got)
	}
}

// TestSlowFrames has frames that take much longer than AckWait: the broker is told that
// they are worked on, and hands none out a second time.
func TestSlowFrames(t *testing.T) {
	t.Parallel()
	const n = 40
	trial.Each(t, trial.Config{AckWait: 2 * time.Second}, func(t *testing.T, r *trial.Rig) {
		r.File("in", lines(n, "%d"))
		chances(t, 3, func() error { // a beat is late where the machine stands still
			r.Run(t, `
recipe: slow
nodes:
  lines: {kind: file_reader, config: {path: in}}
  slow:  {kind: witness, from: lines, parallel: 2, config: {path: seen, wait: 250ms}}
  out:   {kind: file_writer, from: slow, config: {path: out}}
`, trial.Frames(20)).Succeeded()
			seen := len(r.Lines(t, "seen"))
			if r.Read(t, "out") != r.Read(t, "in") {
				t.Error("the output is not the input")
			}
			r.Clear()
			r.File("in", lines(n, "%d"))
			if seen != n {
				return fmt.Errorf("records were processed %d times, want %d: once each", seen, n)
			}
			return nil
		})
	})
}
