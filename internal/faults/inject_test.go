//go:build linux

package faults

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"sluice/coordinator"
	"sluice/internal/bus"
	"sluice/recipe"
)

// strike is one fault, from its beginning until it is healed. It may submit jobs of its own.
type strike func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error)

// injector is a row of the table of faults.
type injector struct {
	name   string
	strike strike
}

// The rows. What is struck is drawn.
var (
	killWorker = injector{sigkill + "a worker", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, c.killed(ctx, any1(r, c.workers), r)
	}}
	killLeader = injector{sigkill + "the coordinator that leads", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		p, err := c.leader(ctx)
		if err != nil {
			return nil, err
		}
		return nil, c.killed(ctx, p, r)
	}}
	killCoordinator = injector{sigkill + "a coordinator", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, c.killed(ctx, any1(r, c.coords), r)
	}}
	killServer = injector{sigkill + "a server", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		i := r.IntN(len(c.servers))
		if err := c.killed(ctx, c.servers[i], r); err != nil {
			return nil, err
		}
		return nil, c.healed(ctx, i)
	}}
	freezeWorker = injector{"SIGSTOP of a worker, SIGCONT", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, frozen(ctx, any1(r, c.workers), r)
	}}
	freezeCoordinator = injector{"SIGSTOP of a coordinator, SIGCONT", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, frozen(ctx, any1(r, c.coords), r)
	}}
	slowLink = injector{"link with 50 ms each way", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, c.stormy(ctx, r, weather{delay: 50 * time.Millisecond})
	}}
	cutLink = injector{"link cut", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		k := c.links[any1(r, append(append([]*process(nil), c.workers...), c.coords...))]
		for range 1 + r.IntN(3) {
			k.cut()
			if !pass(ctx, time.Duration(r.IntN(500))*time.Millisecond) {
				return nil, ctx.Err()
			}
		}
		return nil, nil
	}}
	halfOpen = injector{"link half open", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, c.stormy(ctx, r, weather{stalled: true})
	}}
	lostAcks = injector{"acks lost, of servers or to them, then the link cut", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, c.stormy(ctx, r, any1(r, []weather{{deaf: true}, {mute: true}}))
	}}
	duplicate = injector{"one submission at all coordinators at once, twice", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return c.twice(ctx, r)
	}}
	slowSink = injector{"slow sink", func(ctx context.Context, c *cluster, _ *mathrand.Rand) ([]*running, error) {
		return []*running{c.submit(ctx, scenes[3], 15*time.Second)}, nil
	}}
	joinLeave = injector{"a worker joins, another leaves", func(ctx context.Context, c *cluster, _ *mathrand.Rand) ([]*running, error) {
		c.join()
		p := c.workers[0]
		c.workers = c.workers[1:]
		if code := p.end(); code != 0 {
			return nil, fmt.Errorf("%s was told to leave and ended with %d\n%s", p.name, code, p.tail(20))
		}
		return nil, nil
	}}
	rollMembers = injector{"rolling restart of workers and coordinators", func(ctx context.Context, c *cluster, _ *mathrand.Rand) ([]*running, error) {
		for _, p := range append(append([]*process(nil), c.workers...), c.coords...) {
			if code := p.end(); code != 0 {
				return nil, fmt.Errorf("%s was told to end and ended with %d\n%s", p.name, code, p.tail(20))
			}
			p.start(c.t)
			if !pass(ctx, time.Second) {
				return nil, ctx.Err()
			}
		}
		return nil, nil
	}}
	rollServers = injector{"rolling restart of the servers", func(ctx context.Context, c *cluster, _ *mathrand.Rand) ([]*running, error) {
		for i, p := range c.servers {
			p.end()
			p.start(c.t)
			if err := c.healed(ctx, i); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}}
	stepDown = injector{"leaders of streams and of the cluster step down", func(ctx context.Context, c *cluster, r *mathrand.Rand) ([]*running, error) {
		return nil, c.stepDown(ctx, r)
	}}
)

// sigkill begins the names of rows that are summed up.
const sigkill = "SIGKILL of "

// rows say how often each injector strikes: in the whole form on one server and on three, and
// in the short form. The first kills of workers and coordinators on one server, and those of
// servers among three, are 100; the others are beyond what was asked for.
var rows = []struct {
	injector
	whole, short [2]int
}{
	{killWorker, [2]int{30, 5}, [2]int{1, 1}},
	{killCoordinator, [2]int{20, 0}, [2]int{1, 0}},
	{killLeader, [2]int{20, 5}, [2]int{1, 1}},
	{killServer, [2]int{5, 30}, [2]int{1, 1}},
	{freezeWorker, [2]int{5, 5}, [2]int{1, 0}},
	{freezeCoordinator, [2]int{5, 5}, [2]int{0, 1}},
	{slowLink, [2]int{5, 5}, [2]int{1, 0}},
	{cutLink, [2]int{5, 5}, [2]int{0, 1}},
	{halfOpen, [2]int{5, 5}, [2]int{1, 0}},
	{lostAcks, [2]int{5, 5}, [2]int{0, 1}},
	{duplicate, [2]int{5, 5}, [2]int{1, 0}},
	{slowSink, [2]int{5, 5}, [2]int{0, 1}},
	{joinLeave, [2]int{5, 5}, [2]int{1, 0}},
	{rollMembers, [2]int{5, 5}, [2]int{1, 0}},
	{rollServers, [2]int{0, 10}, [2]int{0, 1}},
	{stepDown, [2]int{0, 10}, [2]int{0, 1}},
}

func any1[T any](r *mathrand.Rand, of []T) T { return of[r.IntN(len(of))] }

// killed kills a process and starts it again, at once or a little later.
func (c *cluster) killed(ctx context.Context, p *process, r *mathrand.Rand) error {
	p.kill()
	ok := pass(ctx, time.Duration(r.IntN(3))*time.Second/2)
	p.start(c.t)
	if !ok {
		return ctx.Err()
	}
	return nil
}

// frozen stops a process for a moment, or for longer than others wait for it.
func frozen(ctx context.Context, p *process, r *mathrand.Rand) error {
	p.freeze()
	defer p.thaw()
	if !pass(ctx, any1(r, []time.Duration{time.Second, 8 * time.Second, 20 * time.Second})) {
		return ctx.Err()
	}
	return nil
}

// stormy changes the weather on a link for a while, and cuts what came out of step by it.
func (c *cluster) stormy(ctx context.Context, r *mathrand.Rand, w weather) error {
	k := c.links[any1(r, append(append([]*process(nil), c.workers...), c.coords...))]
	k.set(w)
	ok := pass(ctx, time.Duration(1+r.IntN(8))*time.Second)
	if w.deaf || w.mute {
		k.cut()
	}
	k.set(weather{})
	if !ok {
		return ctx.Err()
	}
	return nil
}

// healed waits until a server that was started again has what the others have.
func (c *cluster) healed(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for !c.healthy(ctx, i) {
		if !pass(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%s does not become healthy\n%s", c.servers[i].name, c.servers[i].tail(20))
		}
	}
	return nil
}

// leader waits for a coordinator that leads, other than those given.
func (c *cluster) leader(ctx context.Context, but ...*process) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		for _, p := range c.coords {
			if !slices.Contains(but, p) && leads(ctx, c.metrics[p]) {
				return p, nil
			}
		}
		if !pass(ctx, 50*time.Millisecond) {
			return nil, fmt.Errorf("no coordinator leads, within %v", startWithin)
		}
	}
}

func leads(ctx context.Context, at string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/metrics", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	return err == nil && leading.Match(b.Bytes())
}

// leading is what the metrics of a coordinator have that leads a project.
var leading = regexp.MustCompile(`(?m)^sluice_leader_state\{[^}]*\} 1$`)

// twice submits one job at every coordinator at once, two times: there must be one job.
func (c *cluster) twice(ctx context.Context, r *mathrand.Rand) ([]*running, error) {
	s := scenes[r.IntN(3)]
	one := &running{scene: s, out: "out-" + rand.Text()[:8] + ".txt", want: s.undisturbed(c.t, c.build)}
	file := c.file(ctx, s)
	key, sub := rand.Text(), s.submission(file, one.out, 2*time.Second)
	var all sync.WaitGroup
	ids, errs := make([]recipe.JobID, 2*len(c.apis)), make([]error, 2*len(c.apis))
	for i := range ids {
		all.Go(func() {
			j, err := c.apis[i%len(c.apis)].Submit(ctx, sub, key)
			ids[i], errs[i] = j.ID, err
		})
	}
	all.Wait()
	for i, id := range ids {
		if errs[i] == nil && one.id == "" {
			one.id = id
		}
		if errs[i] == nil && id != one.id {
			return nil, fmt.Errorf("one submission became jobs %s and %s", one.id, id)
		}
		if f := coordinator.FamilyOf(errs[i]); errs[i] != nil && f != coordinator.Unavailable {
			return nil, fmt.Errorf("a submission that was sent %d times: %w", len(ids), errs[i])
		}
	}
	if one.id == "" {
		return nil, errors.Join(errs...)
	}
	return []*running{one}, nil
}

// stepDown makes the leader of some streams, or of the cluster, step down.
func (c *cluster) stepDown(ctx context.Context, r *mathrand.Rand) error {
	if r.IntN(3) == 0 {
		sys, err := bus.Dial("nats://"+c.addresses[0], "faults", bus.User("sys", "sys"))
		if err != nil {
			return err
		}
		defer sys.Close()
		_, err = sys.Request(ctx, "$JS.API.META.LEADER.STEPDOWN", nil)
		return err
	}
	all, err := c.conn.Streams(ctx, "SLUICE_")
	if err != nil || len(all) == 0 {
		return err
	}
	stepped := 0
	for range 3 {
		switch _, err = c.conn.Request(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+any1(r, all), nil); {
		case err == nil:
			stepped++
		case !errors.Is(err, bus.ErrTimeout): // one that has no leader yet does not answer
			return err
		}
	}
	if stepped == 0 {
		return err
	}
	return nil
}
