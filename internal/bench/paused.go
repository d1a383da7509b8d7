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
	jobs, watch := pick(b, 1000, 10), pick(b, time.Minute, 2*time.Second)
	c, err := b.clusterOf(shape{servers: 1, workers: 1})
	if err != nil {
		return nil, err
	}
	defer c.close()
	s := &section{title: "Paused jobs", prose: fmt.Sprintf(`%s jobs, each paused once records have reached its sink, with frames that wait, an owner's state and
its checkpoints; memory is what is resident. CPU is that of %s, as long after the last pause, in per cent of a core.`, count(jobs), watch)}
	s.row("", "memory before", "memory with all paused", "CPU meanwhile")
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
	if err := rest(ctx, watch); err != nil {
		return nil, err
	}
	s0, k0, w0, err := c.taken()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := rest(ctx, watch); err != nil {
		return nil, err
	}
	s1, k1, w1, err := c.taken()
	if err != nil {
		return nil, err
	}
	after, passed := c.residents(), time.Since(began)
	share := func(d time.Duration) float64 { return d.Seconds() / passed.Seconds() }
	for i, name := range []string{"server", "coordinator", "worker"} {
		s.row(name, size(before[i]), size(after[i]), f2(100*share([]time.Duration{s1 - s0, k1 - k0, w1 - w0}[i]))+" %")
	}
	all := share(s1 - s0 + k1 - k0 + w1 - w0)
	s.check(all < mayIdle, "all take %.2f %% of a core; less than %.0f %%", 100*all, 100*mayIdle)
	return s, nil
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
