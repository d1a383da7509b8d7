//go:build linux

package faults

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"

	"sluice/internal/figures"
)

// trouble keeps jobs running on a cluster and strikes it, until all strikes have struck while
// a job ran; then it holds everything against the checkers.
type trouble struct {
	c       *cluster
	scenes  []*scene
	lasts   time.Duration // of a job that nothing befalls, at least
	gap     time.Duration // between strikes, at most
	rand    *mathrand.Rand
	struck  map[string]int // by the injector's name
	errs    []error
	jobs    []*running
	removed int
}

// fault keeps what is wrong. The test fails at its end, and goes on to see more.
func (x *trouble) fault(err error) {
	if err != nil {
		x.errs = append(x.errs, err)
		x.c.t.Logf("%v: %v", time.Now().Format("15:04:05.000"), err)
	}
}

// run strikes in the order given.
func (x *trouble) run(ctx context.Context, strikes []injector) {
	was, err := x.goroutines(ctx)
	x.fault(err)
	for len(strikes) > 0 && len(x.errs) == 0 {
		var batch []*running
		for _, s := range x.scenes {
			batch = append(batch, x.c.submit(ctx, s, x.lasts))
		}
		for len(strikes) > 0 && pass(ctx, x.gap/4+time.Duration(x.rand.Int64N(int64(x.gap)))) && x.busy(ctx, batch) {
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
		if len(x.errs) == 0 {
			x.fault(x.c.remove(ctx, batch))
			x.removed += len(batch)
		}
	}
	if n := x.c.bad.Load(); n > 0 {
		x.fault(fmt.Errorf("%d processes ended by themselves", n))
	}
	if len(x.errs) == 0 {
		x.settled(ctx, was)
	}
	if len(x.errs) > 0 {
		x.c.t.Log(x.c.logs(30))
	}
	for _, err := range x.errs {
		x.c.t.Error(err)
	}
}

// busy reports whether a job of the batch is not at its end.
func (x *trouble) busy(ctx context.Context, batch []*running) bool {
	for _, r := range batch {
		if j, err := x.c.job(ctx, r.id); err != nil || !j.State.Final() {
			return true
		}
	}
	return false
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
			return
		}
		if !pass(ctx, time.Second) {
			x.fault(err)
			return
		}
	}
}

// note prints the rows of the table.
func (x *trouble) note(t testing.TB, order []injector) {
	what := "0 lost, 0 doubled, 0 stuck"
	if len(x.errs) > 0 {
		what = fmt.Sprintf("WRONG: %d findings", len(x.errs))
	}
	var names []string
	for _, s := range x.scenes {
		names = append(names, s.name)
	}
	seen := map[string]bool{}
	for _, i := range order {
		if n := x.struck[i.name]; n > 0 && !seen[i.name] {
			seen[i.name] = true
			figures.Note(t, "%-50s | %3d | %s | %s; %s", i.name, n, &x.c.shape, strings.Join(names, ", "), what)
		}
	}
	figures.Note(t, "%d jobs, %d of them deleted without a trace; %s", len(x.jobs), x.removed, what)
}

func newTrouble(c *cluster, seed uint64, lasts, gap time.Duration, of ...*scene) *trouble {
	return &trouble{c: c, scenes: of, lasts: lasts, gap: gap, rand: mathrand.New(mathrand.NewPCG(seed, 1)), struck: map[string]int{}}
}

// TestB10Killed kills one of each sort while two jobs run: the shortest form of all this.
func TestB10Killed(t *testing.T) {
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 2, folder: true, build: build(t, "hasty", hasty...)})
	x := newTrouble(c, 1, 6*time.Second, 2*time.Second, scenes[0], scenes[1])
	x.run(t.Context(), []injector{killWorker, killLeader, killServer})
	x.note(t, kills)
}

// TestFaults strikes a cluster of one server, whose workers read and write artifacts, and one
// of three, with every row of the table.
func TestFaults(t *testing.T) {
	if !someMinutes() {
		t.Skip("takes minutes: with -long, -whole or CI=true")
	}
	for i, s := range []shape{
		{servers: 1, coordinators: 2, workers: 3},
		{servers: 3, coordinators: 2, workers: 3, folder: true},
	} {
		t.Run(fmt.Sprint("R", s.servers), func(t *testing.T) {
			t.Parallel()
			s.build = build(t, "hasty", hasty...)
			if *whole {
				s.build = build(t, "sluice")
			}
			x := newTrouble(newCluster(t, s), uint64(10+i), 12*time.Second, 4*time.Second, scenes[0], scenes[1], scenes[2])
			x.run(t.Context(), program(x.rand, s.servers))
			x.note(t, append(append([]injector(nil), kills...), others...))
		})
	}
}

// program is what a cluster is struck with, in an order that is drawn: each row once, or in the
// whole form a half of 100 kills and 5 of each other row that is for any cluster.
func program(r *mathrand.Rand, servers int) (all []injector) {
	for i, k := range kills {
		n := 1
		if *whole {
			n = []int{20, 10, 12, 8}[i]
		}
		for range n {
			all = append(all, k)
		}
	}
	for _, o := range others {
		n := 1
		switch {
		case o.servers != 0 && o.servers != servers:
			continue
		case *whole && o.servers != 0:
			n = 10
		case *whole:
			n = 5
		}
		for range n {
			all = append(all, o)
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
