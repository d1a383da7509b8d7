//go:build linux

package faults

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"
)

// trouble keeps a job of each scene running on a cluster and strikes it, until all strikes have
// struck while all of those ran; then it holds everything against the checkers.
type trouble struct {
	c       *cluster
	scenes  []*scene
	lasts   time.Duration // of a job that nothing befalls, at least
	gap     time.Duration // between strikes, at most
	each    int           // strikes on a batch of jobs, at most; 0: as many as strike
	rand    *mathrand.Rand
	struck  map[string]int // by the injector's name
	errs    []error
	jobs    []*running
	removed int
	idle    int // batches in a row that ended before a strike
}

// mostIdle is how many batches in a row may end before a strike: their jobs are too short.
const mostIdle = 3

const clock = "15:04:05.000"

// fault keeps what is wrong. The test fails at its end, and goes on to see more.
func (x *trouble) fault(err error) {
	if err != nil {
		x.errs = append(x.errs, err)
		x.c.t.Logf("%v: %v", time.Now().Format(clock), err)
	}
}

// run strikes in the order given.
func (x *trouble) run(ctx context.Context, strikes []injector) {
	was, err := x.goroutines(ctx)
	x.fault(err)
	streams, err := x.c.conn.Streams(ctx, "")
	x.fault(err)
	for total := len(strikes); len(strikes) > 0 && len(x.errs) == 0; {
		began, left := time.Now(), len(strikes)
		var batch []*running
		for _, s := range x.scenes {
			batch = append(batch, x.c.submit(ctx, s, x.lasts))
		}
		for len(strikes) > 0 && (x.each == 0 || left-len(strikes) < x.each) && pass(ctx, x.gap/4+time.Duration(x.rand.Int64N(int64(x.gap)))) && x.allRun(ctx, batch[:len(x.scenes)]) {
			x.c.t.Logf("%s %s", time.Now().Format(clock), strikes[0].name)
			more, err := strikes[0].strike(ctx, x.c, x.rand)
			if err != nil {
				x.fault(fmt.Errorf("%s: %w", strikes[0].name, err))
			}
			batch = append(batch, more...)
			x.struck[strikes[0].name]++
			strikes = strikes[1:]
		}
		for _, r := range batch {
			for _, err := range x.c.judge(ctx, r) {
				x.fault(fmt.Errorf("%s: %w", r.scene.name, err))
			}
		}
		x.jobs = append(x.jobs, batch...)
		if x.idle++; len(strikes) < left {
			x.idle = 0
		} else if x.idle == mostIdle {
			x.fault(fmt.Errorf("%d times in a row a job of %v had ended before a strike", x.idle, x.lasts))
		}
		if len(x.errs) == 0 {
			x.fault(x.c.remove(ctx, batch))
			x.removed += len(batch)
		}
		x.c.t.Logf("%s %d jobs and %d strikes took %v; %d of %d strikes are left", time.Now().Format(clock), len(batch), left-len(strikes), time.Since(began).Round(time.Second), len(strikes), total)
	}
	if n := x.c.bad.Load(); n > 0 {
		x.fault(fmt.Errorf("%d processes ended by themselves", n))
	}
	if len(x.errs) == 0 {
		x.fault(x.c.noMore(ctx, streams))
		x.settled(ctx, was)
	}
	if len(x.errs) > 0 {
		x.c.t.Log(x.c.logs(30))
	}
	for _, err := range x.errs {
		x.c.t.Error(err)
	}
}

// allRun reports whether no job of the scenes is at its end. That nobody tells it is a fault.
func (x *trouble) allRun(ctx context.Context, jobs []*running) bool {
	for _, r := range jobs {
		j, err := x.c.job(ctx, r.id)
		if err != nil {
			x.fault(fmt.Errorf("%s: nobody tells how job %s is: %w", r.scene.name, r.id, err))
		}
		if err != nil || j.State.Final() {
			return false
		}
	}
	return true
}

// goroutines are those of every coordinator and worker.
func (x *trouble) goroutines(ctx context.Context) (map[*process]int, error) {
	all := map[*process]int{}
	for _, p := range append(append([]*process(nil), x.c.coords...), x.c.workers...) {
		n, err := goroutines(ctx, x.c.metrics[p])
		if err != nil {
			return nil, fmt.Errorf("goroutines of %s: %w", p.name, err)
		}
		all[p] = n
	}
	return all, nil
}

// settled waits until no process has more goroutines than when it was new.
func (x *trouble) settled(ctx context.Context, was map[*process]int) {
	most := 0
	for _, n := range was {
		most = max(most, n)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		all, err := x.goroutines(ctx)
		for p, is := range all {
			before, known := was[p]
			if !known {
				before = most // it has joined since
			}
			if e := leaks(p.name, before, is); e != nil {
				err = e
			}
		}
		if err == nil {
			table.note(x.c.t, "goroutines of new processes and at the end, behind %d jobs: %s", x.removed, levels(was, all))
			return
		}
		if !pass(ctx, time.Second) {
			x.fault(err)
			return
		}
	}
}

// note keeps the rows of the table, in the order of the injectors.
func (x *trouble) note(t testing.TB, order ...injector) {
	what := good
	if t.Failed() {
		what = fmt.Sprintf("WRONG: %d findings", len(x.errs))
	}
	var names []string
	for _, s := range x.scenes {
		names = append(names, s.name)
	}
	for _, i := range order {
		if n := x.struck[i.name]; n > 0 {
			table.add(i.name, n, x.c.label, what)
		}
	}
	table.note(t, "%s: %d jobs, each strike while one of each of %s ran; %d of them deleted without a trace; %s",
		&x.c.shape, len(x.jobs), strings.Join(names, ", "), x.removed, what)
}

func newTrouble(c *cluster, seed uint64, lasts, gap time.Duration, of ...*scene) *trouble {
	return &trouble{c: c, scenes: of, lasts: lasts, gap: gap, rand: mathrand.New(mathrand.NewPCG(seed, 1)), struck: map[string]int{}}
}

// TestB10Killed kills one of each sort while two jobs run: the shortest form of all this.
func TestB10Killed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 2, folder: true, build: build(t, "hasty", hasty...)})
	x := newTrouble(c, 1, 6*time.Second, 2*time.Second, scenes[0], scenes[1])
	defer x.note(t)
	x.run(t.Context(), []injector{killWorker, killLeader, killServer})
}

// TestFaults strikes a cluster of one server, whose workers read and write artifacts, and one
// of three, with every row of the table.
func TestFaults(t *testing.T) {
	t.Parallel()
	for i, s := range []shape{
		{servers: 1, coordinators: 2, workers: 3},
		{servers: 3, coordinators: 2, workers: 3, folder: true},
	} {
		t.Run(fmt.Sprint("R", s.servers), func(t *testing.T) {
			minutes(t, true)
			s.build, s.label = build(t, "hasty", hasty...), fmt.Sprint("R", s.servers)
			lasts, gap := 10*time.Second, 3*time.Second
			if *whole {
				s.build = build(t, "sluice")
				lasts = 25 * time.Second
			}
			x := newTrouble(newCluster(t, s), uint64(10+i), lasts, gap, scenes[0], scenes[1], scenes[2])
			all, strikes := program(x.rand, i)
			defer x.note(t, all...)
			x.run(t.Context(), strikes)
		})
	}
}

// program returns the injectors of a cluster, the first or the second, and what it is struck
// with, in an order that is drawn.
func program(r *mathrand.Rand, which int) (all, strikes []injector) {
	for _, row := range rows {
		n := row.short[which]
		if *whole {
			n = often(row.whole[which])
		}
		all = append(all, row.injector)
		for range n {
			strikes = append(strikes, row.injector)
		}
	}
	r.Shuffle(len(strikes), func(i, j int) { strikes[i], strikes[j] = strikes[j], strikes[i] })
	return all, strikes
}
