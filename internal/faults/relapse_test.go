//go:build linux

package faults

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"testing"
	"time"
)

// What befalls a job again and again, or in the midst of what heals it.

// relapse is how long a job may take behind the last of several strikes.
const relapse = 90 * time.Second

// TestServerKilledAgain kills the one server every 9 to 10 s while one job runs, for longer than any
// part of a worker or coordinator waits for a stream: what is missing at each of its looks is there
// in between, and the job must go on.
func TestServerKilledAgain(t *testing.T) {
	minutes(t, true)
	kills := 8
	if *whole {
		kills = 13
	}
	const name = "the one server killed every 9 to 10 s, under one job"
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 2, folder: true, patience: relapse, build: build(t, "hasty", hasty...)})
	r, n := c.submit(t.Context(), scenes[1], time.Duration(kills)*10*time.Second-4*time.Second), 0
	draw := mathrand.New(mathrand.NewPCG(3, 1))
	for ; n < kills; n++ {
		wait := 9*time.Second + time.Duration(draw.Int64N(int64(time.Second)))
		if n == 0 {
			wait = 2 * time.Second
		}
		if !pass(t.Context(), wait) {
			t.Fatal(t.Context().Err())
		}
		if j, err := c.job(t.Context(), r.id); err != nil || j.State.AtRest() {
			t.Errorf("before kill %d the job is %s: %s %v", n+1, j.State, j.Reason, err)
			break
		}
		t.Logf("%s kill %d", time.Now().Format(clock), n+1)
		c.servers[0].kill()
		c.servers[0].start(t)
		if err := c.healed(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	c.conclude(t.Context(), r, name, n, "R1")
}

// conclude judges a job that was struck, and adds a row to the table.
func (c *cluster) conclude(ctx context.Context, r *running, name string, n int, where string) {
	for _, err := range c.judge(ctx, r) {
		c.t.Errorf("%s: %v", r.scene.name, err)
	}
	if n := c.bad.Load(); n > 0 {
		c.t.Errorf("%d processes ended by themselves", n)
	}
	what := good
	if c.t.Failed() {
		what = "WRONG"
		c.t.Log(c.logs(40))
	}
	table.add(name, n, where, what)
}

// thawedLeader freezes the coordinator that leads for longer than its lease, kills the one server
// under the one that leads then, and lets the first go on when the server is back, before it knows
// that it leads no more and while the other is not back yet: it must not do what only a leader does,
// such as to make the consumers of its runs again, in the way of those of the other's.
var thawedLeader = injector{"leader frozen past its lease, server killed, leader thawed", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
	old, err := c.leader(ctx)
	if err != nil {
		return nil, err
	}
	old.freeze()
	defer old.thaw()
	next, err := c.leader(ctx, old)
	if err != nil {
		return nil, err
	}
	if !pass(ctx, time.Second+time.Duration(r.Int64N(int64(2*time.Second)))) { // it takes up the jobs
		return nil, ctx.Err()
	}
	c.links[next].set(weather{stalled: true})
	defer c.links[next].set(weather{})
	c.links[old].set(weather{delay: time.Duration(r.IntN(4)) * 20 * time.Millisecond})
	defer c.links[old].set(weather{})
	c.servers[0].kill()
	c.servers[0].start(c.t)
	if err := c.healed(ctx, 0); err != nil {
		return nil, err
	}
	old.thaw()
	pass(ctx, 700*time.Millisecond+time.Duration(r.Int64N(int64(time.Second))))
	return nil, ctx.Err()
}}

// bare is a job of which a look at its consumers is short: they are those of its source alone.
var bare = &scene{name: "bare", pace: "100000000", slow: rate, recipe: `
recipe: bare
params:
  file: {type: string}
  out: {type: string}
  pace: {type: float}
nodes:
  lines: {kind: file_reader, config: {path: "${file}", split_bytes: 100000}}
  pace:  {kind: throttle, from: lines, config: {rate: "${pace}"}}
  out:   {kind: file_writer, from: pace, config: {path: "${out}"}}
`}

// TestThawedLeader does that, several times.
func TestThawedLeader(t *testing.T) {
	minutes(t, true)
	c := newCluster(t, shape{servers: 1, coordinators: 2, workers: 2, folder: true, label: "R1", patience: relapse, build: build(t, "hasty", hasty...)})
	x := newTrouble(c, 5, 10*time.Second, 2*time.Second, scenes[1], bare, bare, bare)
	x.each = 1 // the next leader would mend what this has spoilt
	n := 4
	if *whole {
		n = often(10)
	}
	var strikes []injector
	for range n {
		strikes = append(strikes, thawedLeader)
	}
	defer x.note(t, thawedLeader)
	x.run(t.Context(), strikes)
}

// TestMadeOnDemand ends the coordinator that leads, by SIGTERM and by SIGKILL, at the moment at
// which it makes a stream that a job has only once it needs it, and before it makes any: for the
// input of a live source, for dead letters, for large values.
func TestMadeOnDemand(t *testing.T) {
	minutes(t, true)
	live := liveScene(t)
	for _, servers := range []int{1, 3} {
		if servers > 1 && !*whole {
			continue
		}
		c := newCluster(t, shape{servers: servers, coordinators: 2, folder: true, patience: relapse, build: build(t, "hasty", hasty...)})
		for range 2 {
			c.join("--allow-net", "127.0.0.0/8")
		}
		c.await(t.Context(), "both workers are known", func() bool { return c.known(t.Context()) })
		n := 0
		for range often(3) {
			for _, stream := range []string{"LEDGER", "INPUT", "DEAD", "VALUES"} {
				for _, signal := range []string{"SIGTERM", "SIGKILL"} {
					c.endsAsMade(t.Context(), live, stream, signal)
					if n++; t.Failed() {
						return
					}
				}
			}
		}
	}
}

// slowMaking is how far the leader is from the server while a stream is made.
const slowMaking = 100 * time.Millisecond

// endsAsMade submits a job and ends the leader as soon as a stream of it is there.
func (c *cluster) endsAsMade(ctx context.Context, s *scene, stream, signal string) {
	p, err := c.leader(ctx)
	if err != nil {
		c.fatalf("%v", err)
	}
	c.links[p].set(weather{delay: slowMaking}) // what it makes is there before it knows
	r := c.submit(ctx, s, 4*time.Second)
	soon, cancel := context.WithTimeout(ctx, relapse)
	defer cancel()
	if err := c.appears(soon, r.id, stream); err != nil {
		c.fatalf("%v", err)
	}
	if signal == "SIGKILL" {
		p.kill()
	} else if code := p.end(); code != 0 {
		c.t.Errorf("%s was told to end and ended with %d\n%s", p.name, code, p.tail(20))
	}
	c.links[p].set(weather{})
	p.start(c.t)
	c.conclude(ctx, r, signal+" of the leader as it makes a stream on demand", 1, fmt.Sprintf("R%d %s", c.shape.servers, stream))
	if !c.t.Failed() {
		if err := c.remove(ctx, []*running{r}); err != nil {
			c.t.Error(err)
		}
	}
}
