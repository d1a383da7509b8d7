package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/coordinator"
	"sluice/recipe"
)

// pausedRecipe goes on for more than an hour, with full edges in front of a step with a state.
const pausedRecipe = `recipe: paused
nodes:
  numbers: {kind: integer_generator, config: {count: 10000000}}
  pace:    {kind: throttle, from: numbers, config: {rate: 2000}}
  sum:     {kind: rolling_sum, from: pace, config: {values_to_keep: 3}}
  out:     {kind: file_writer, from: sum, config: {path: paused/%d.out}}
`

// mayIdle is the share of a core that everything together may take while all jobs are paused.
const mayIdle = 0.05

// paused measures what jobs cost that are paused.
func (b *bench) paused() (*section, error) {
	jobs, settles, watch := pick(b, 1000, 10), pick(b, 3*time.Minute, 2*time.Second), pick(b, 2*time.Minute, 2*time.Second)
	c, err := b.clusterOf(shape{servers: 1, workers: 1})
	if err != nil {
		return nil, err
	}
	defer c.close()
	s := &section{title: "Paused jobs", prose: fmt.Sprintf(`%s jobs, each paused once records have reached its sink, with frames that wait, an owner's state and
its checkpoints; memory is what is resident. CPU is in per cent of a core: that of the first %s after the last pause, in which the
server still writes down the state of each stream that was changed, which it does every two minutes or so, and that of the %s behind it.`, count(jobs), settles, watch)}
	s.row("", "memory before", "memory with all paused", "CPU at first", "CPU at rest")
	before := c.residents()
	ctx, cancel := context.WithTimeout(context.Background(), 2*jobWithin)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(12)
	for i := range jobs {
		g.Go(func() error { return c.pauseOne(gctx, fmt.Sprintf(pausedRecipe, i)) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	first, err := c.idle(ctx, settles)
	if err != nil {
		return nil, err
	}
	later, err := c.idle(ctx, watch)
	if err != nil {
		return nil, err
	}
	after, all := c.residents(), 0.0
	for i, name := range []string{"server", "coordinator", "worker"} {
		s.row(name, size(before[i]), size(after[i]), f2(100*first[i])+" %", f2(100*later[i])+" %")
		all += later[i]
	}
	s.check(all < mayIdle, "all take %.2f %% of a core; less than %.0f %%", 100*all, 100*mayIdle)
	return s, nil
}

// idle returns the share of a core that the server, the coordinator and the worker take for a while.
func (c *cluster) idle(ctx context.Context, d time.Duration) (shares [3]float64, err error) {
	s0, k0, w0, err := c.taken()
	if err != nil {
		return shares, err
	}
	began := time.Now()
	if err := rest(ctx, d); err != nil {
		return shares, err
	}
	s1, k1, w1, err := c.taken()
	passed := time.Since(began)
	for i, took := range []time.Duration{s1 - s0, k1 - k0, w1 - w0} {
		shares[i] = took.Seconds() / passed.Seconds()
	}
	return shares, err
}

// pauseOne submits a job, waits until it has started, and pauses it.
func (c *cluster) pauseOne(ctx context.Context, text string) error {
	id, err := c.submit(ctx, text)
	if err != nil {
		return err
	}
	if err := c.arrives(ctx, id, "out"); err != nil {
		return err
	}
	if err := c.patiently(ctx, func() error { _, err := c.api.Order(ctx, id, "pause"); return err }); err != nil {
		return err
	}
	_, err = c.until(ctx, id, recipe.JobPaused)
	return err
}

// arrives waits until records have come to a node.
func (c *cluster) arrives(ctx context.Context, id recipe.JobID, node string) error {
	var err error
	perr := poll(ctx, fmt.Sprintf("records of job %s come to node %s", id, node), func() bool {
		var j coordinator.Job
		if err = c.patiently(ctx, func() (err error) { j, err = c.api.Job(ctx, id); return err }); err != nil || j.State.Final() {
			return true
		}
		if j.Progress == nil {
			return false
		}
		return slices.ContainsFunc(j.Progress.Steps, func(s recipe.StepProgress) bool { return s.Node == node && s.In > 0 })
	})
	return errors.Join(err, perr)
}

// residents is the memory of the server, the coordinator and the worker, in bytes.
func (c *cluster) residents() [3]int64 {
	return [3]int64{c.servers[0].resident(), c.coord.resident(), c.workers[0].resident()}
}

// rest lets time pass, which is what is measured.
func rest(ctx context.Context, d time.Duration) error {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
