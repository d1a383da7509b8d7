package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"sluice/recipe"
)

// waitingRecipe has a step that waits 5 ms for each record.
const waitingRecipe = `recipe: waiting
nodes:
  lines: {kind: file_reader, config: {path: %s}}
  slow:  {kind: delay, from: lines, parallel: 1, config: {duration: 5ms}}
  out:   {kind: file_writer, from: slow, config: {path: waited.out}}
`

// mustSpread is how many times as fast eight workers have to be.
const mustSpread = 7.0

// spread measures how a step that waits is spread over workers.
func (b *bench) spread() (*section, error) {
	n, bytes := pick(b, 8192, 1024), 1000
	in, _, err := b.sizedFile(n, bytes)
	if err != nil {
		return nil, err
	}
	s := &section{title: "Workers side by side", prose: fmt.Sprintf(`%s records of %d bytes through a step that waits 5 ms for each, with one frame in hand of
each worker (parallel: 1).`, count(n), bytes)}
	s.row("workers", "s from start to end", "records a second")
	var took [2]time.Duration
	for i, workers := range []int{1, 8} {
		d, err := b.waited(workers, fmt.Sprintf(waitingRecipe, in))
		if err != nil {
			return nil, err
		}
		if err := sameFiles(filepath.Join(b.dir, in), filepath.Join(b.dir, "waited.out")); err != nil {
			b.wrong(fmt.Sprintf("%d workers that wait: the output is not the input: %v", workers, err))
		}
		took[i] = d
		s.row(fmt.Sprint(workers), f2(d.Seconds()), count(int(float64(n)/d.Seconds())))
	}
	times := took[0].Seconds() / took[1].Seconds()
	s.check(times >= mustSpread, "eight workers are %.2f times as fast as one; at least %.0f", times, mustSpread)
	return s, nil
}

// waited runs a recipe on so many workers and returns how long the job took.
func (b *bench) waited(workers int, text string) (time.Duration, error) {
	c, err := b.clusterOf(shape{servers: 1, workers: workers})
	if err != nil {
		return 0, err
	}
	defer c.close()
	ctx, cancel := context.WithTimeout(context.Background(), jobWithin)
	defer cancel()
	id, err := c.submit(ctx, text)
	if err != nil {
		return 0, err
	}
	j, err := c.until(ctx, id, recipe.JobSucceeded)
	return j.Ended.Sub(j.Started), err
}
